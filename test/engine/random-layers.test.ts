/** Layers that draw numbers in training: what they draw has the law that Keras documents, and a seed decides it. */
import { describe, expect, it } from 'vitest';
import { listed } from '../../src/engine/layers/execution.ts';
import { EXECUTIONS } from '../../src/engine/layers/index.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { numbersOf } from '../helpers/engine.ts';

/** One call in training on an input of ones. */
function drawnBy(className: keyof typeof EXECUTIONS, options: Record<string, unknown>, shape: number[], seed = 1, training = true) {
  return tf.tidy((() => {
    const [output] = listed(
      EXECUTIONS[className]({
        options,
        inputs: [tf.ones(shape)],
        extras: {},
        masks: [null],
        weights: {},
        training,
        seed: () => tf.tensor1d([seed, 7], 'int32'),
        update: () => {},
        callOptions: {},
      }),
    );
    return { shape: output!.shape, data: numbersOf(output!) };
  }) as () => never) as unknown as { shape: number[]; data: Float32Array };
}

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: ArrayLike<number>): number => {
  const centre = mean(values);
  return Math.sqrt(mean(Array.from(values, (value) => (value - centre) ** 2)));
};

const MANY = [200, 10, 10];
const LAYERS = {
  Dropout: { rate: 0.25 },
  SpatialDropout1D: { rate: 0.25 },
  GaussianNoise: { stddev: 0.5 },
  GaussianDropout: { rate: 0.2 },
  AlphaDropout: { rate: 0.25 },
  StochasticDepth: { drop_path_rate: 0.25 },
} as const;

describe.each(Object.entries(LAYERS))('%s', (name, options) => {
  const className = name as keyof typeof LAYERS;

  it('draws by its seed alone', () => {
    expect(drawnBy(className, options, MANY).data).toEqual(drawnBy(className, options, MANY).data);
    expect(drawnBy(className, options, MANY).data).not.toEqual(drawnBy(className, options, MANY, 2).data);
  });

  it('hands its input on outside training', () => {
    expect(new Set(drawnBy(className, options, MANY, 1, false).data)).toEqual(new Set([1]));
  });
});

// Of 20,000 numbers a share of 1/4 is off by 0.015 once in a million times or less, a mean of deviation 1/2 by 0.018.
it('Dropout drops its rate and scales the rest', () => {
  const { data } = drawnBy('Dropout', { rate: 0.25 }, MANY);
  expect(new Set(data)).toEqual(new Set([0, Math.fround(4 / 3)]));
  expect(Math.abs(mean(data.map((value) => (value === 0 ? 1 : 0))) - 0.25)).toBeLessThan(0.015);
});

it('Dropout with a noise shape drops along its axes of 1 all or nothing', () => {
  const { data } = drawnBy('Dropout', { rate: 0.5, noise_shape: [null, 1, 10] }, [20, 4, 10]);
  for (let sample = 0; sample < 20; sample++) {
    const rows = [0, 1, 2, 3].map((row) => [...data.subarray((sample * 4 + row) * 10, (sample * 4 + row + 1) * 10)]);
    for (const row of rows) expect(row).toEqual(rows[0]);
  }
  expect(new Set(data.subarray(0, 10)).size).toBe(2);
});

it.each([
  ['SpatialDropout1D', [6, 5, 8]],
  ['SpatialDropout2D', [6, 3, 4, 8]],
  ['SpatialDropout3D', [6, 2, 2, 2, 8]],
] as const)('%s drops whole channels of a sample', (className, shape) => {
  const { data } = drawnBy(className, { rate: 0.5 }, [...shape]);
  const places = data.length / 6 / 8;
  const dropped = new Set<number>();
  for (let sample = 0; sample < 6; sample++) {
    for (let channel = 0; channel < 8; channel++) {
      const values = Array.from({ length: places }, (_, place) => data[(sample * places + place) * 8 + channel]!);
      expect(new Set(values).size).toBe(1);
      dropped.add(values[0]!);
    }
  }
  expect(dropped).toEqual(new Set([0, 2]));
});

it('StochasticDepth drops whole samples', () => {
  const { data } = drawnBy('StochasticDepth', { drop_path_rate: 0.5 }, [64, 3, 3]);
  const samples = Array.from({ length: 64 }, (_, sample) => new Set(data.subarray(sample * 9, (sample + 1) * 9)));
  for (const values of samples) expect(values.size).toBe(1);
  expect(new Set(data)).toEqual(new Set([0, 2]));
});

it('GaussianNoise adds numbers of its deviation', () => {
  const { data } = drawnBy('GaussianNoise', { stddev: 0.5 }, MANY);
  expect(Math.abs(mean(data) - 1)).toBeLessThan(0.018);
  expect(Math.abs(deviation(data) - 0.5)).toBeLessThan(0.013);
});

it('GaussianDropout multiplies by numbers of deviation √(rate / (1 - rate))', () => {
  const { data } = drawnBy('GaussianDropout', { rate: 0.2 }, MANY);
  expect(Math.abs(mean(data) - 1)).toBeLessThan(0.018);
  expect(Math.abs(deviation(data) - 0.5)).toBeLessThan(0.013);
});

it('AlphaDropout has the two values of Klambauer et al., a·1 + b and a·α′ + b', () => {
  const { data } = drawnBy('AlphaDropout', { rate: 0.25 }, MANY);
  const floor = -1.0507009873554805 * 1.6732632423543772;
  const a = (0.75 * (1 + 0.25 * floor ** 2)) ** -0.5;
  const b = -a * floor * 0.25;
  const [low, high] = [...new Set(data)].sort((x, y) => x - y);
  expect(low).toBeCloseTo(a * floor + b, 5);
  expect(high).toBeCloseTo(a + b, 5);
  expect(Math.abs(mean(data.map((value) => (value === low ? 1 : 0))) - 0.25)).toBeLessThan(0.015);
});
