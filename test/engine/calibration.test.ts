/** Calibration statistics against central differences of the loss, in float64. */
import { describe, expect, it } from 'vitest';
import { epochOrder } from '../../src/dataset/batches.ts';
import type { Calibration } from '../../src/engine/pruning/statistics/calibration.ts';
import { gateMoments } from '../../src/engine/pruning/statistics/gates.ts';
import { gradientMoments as weightStatistics } from '../../src/engine/pruning/statistics/loss-gradients.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { calibrationOn } from '../helpers/calibration.ts';
import { datasetOf } from '../helpers/datasets.ts';
import { batchNormalization, type Config, dense, documentOf, functional, layer, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const [INPUTS, UNITS, SAMPLES, BATCH, SEED] = [3, 4, 22, 8, 11];
const x = drawn([SAMPLES, INPUTS], 'x');
const y = drawn([SAMPLES, 1], 'y');

type Values = Map<string, Float64Array>;
/** A network in float64: its output for one sample, each unit's value multiplied by its gate where the service gates it. */
type Network = (values: Values, gates: readonly number[], input: readonly number[]) => number;

const linear = (values: Values, name: string, input: readonly number[]): number[] => {
  const [kernel, bias] = [values.get(`${name}/kernel`)!, values.get(`${name}/bias`)!];
  return Array.from(bias, (offset, unit) => input.reduce((sum, value, at) => sum + value * kernel[at * bias.length + unit]!, offset));
};
const normalised = (values: Values, input: readonly number[]): number[] =>
  input.map((value, unit) => {
    const of = (name: string) => values.get(`n/${name}`)![unit]!;
    return (of('gamma') * (value - of('moving_mean'))) / Math.sqrt(of('moving_variance') + 1e-3) + of('beta');
  });
const gated = (input: readonly number[], gates: readonly number[]) => input.map((value, unit) => value * gates[unit]!);

const chain: { config: Config; network: Network } = {
  config: sequential(
    [INPUTS],
    [dense('a', UNITS, { activation: 'tanh' }), batchNormalization('n'), layer('Dropout', 'drop', { rate: 0.5 }), dense('out', 1)],
  ),
  network: (values, gates, input) => linear(values, 'out', gated(normalised(values, linear(values, 'a', input).map(Math.tanh)), gates))[0]!,
};
/** Each unit is made by a, whose output two layers read, and by b behind its normalisation. */
const residual: { config: Config; network: Network } = {
  config: functional((net) => {
    const a = net.call(dense('a', UNITS, { activation: 'tanh' }), net.input('x', [INPUTS]));
    const b = net.call(batchNormalization('n'), net.call(dense('b', UNITS), a));
    return net.call(dense('out', 1), net.call(layer('Add', 'sum'), a, b));
  }),
  network: (values, gates, input) => {
    const a = gated(linear(values, 'a', input).map(Math.tanh), gates);
    const b = gated(normalised(values, linear(values, 'b', a)), gates);
    return linear(
      values,
      'out',
      a.map((value, unit) => value + b[unit]!),
    )[0]!;
  },
};

/** The positions of the train split in each calibration batch. */
function batches(count: number): number[][] {
  const order = [...epochOrder(SEED, -1, SAMPLES)];
  return Array.from({ length: count }, (_, batch) => order.slice(batch * BATCH, (batch + 1) * BATCH));
}

function lossIn64(network: Network, values: Values, gates: readonly number[], positions: readonly number[]): number {
  const errors = positions.map((at) => network(values, gates, [...x.data.subarray(at * INPUTS, (at + 1) * INPUTS)]) - y.data[at]!);
  return errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
}

const STEP = 1e-5;
const slope = (at: (offset: number) => number) => (at(STEP) - at(-STEP)) / (2 * STEP);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function setUp(config: Config, changes: Partial<Calibration> = {}) {
  const document: ModelDocument = documentOf(config, randomFill(6));
  const calibration = calibrationOn(document, datasetOf(x, y), SEED, { batchSize: BATCH, ...changes });
  const values: Values = new Map([...document.weights].map(([key, { data }]) => [key, Float64Array.from(data)]));
  return { document, calibration, weights: calibration.weights, values };
}

const square = (value: number) => value * value;

describe.each([
  ['a chain', chain],
  ['a residual network', residual],
])('on %s', (_what, { config, network }) => {
  const ones = Array(UNITS).fill(1);

  it.each([
    ['mean_abs_gradient', Math.abs],
    ['mean_squared_gradient', square],
  ] as const)('%s is the mean over batches, taken after the absolute value or the square', (statistic, of) => {
    const { calibration, values } = setUp(config);
    const keys = ['a/kernel', 'out/kernel', 'n/gamma'];
    const actual = weightStatistics(calibration, keys, statistic);
    expect([...actual.keys()]).toEqual(keys);
    for (const key of keys) {
      const expected = Array.from(values.get(key)!, (value, index) => {
        const at = (positions: readonly number[]) => (offset: number) => {
          const moved = new Map(values).set(key, values.get(key)!.with(index, value + offset));
          return lossIn64(network, moved, ones, positions);
        };
        return mean(batches(3).map((positions) => of(slope(at(positions)))));
      });
      expectClose(actual.get(key)!, expected, { relative: 1e-4 }, key);
    }
  });

  it('gates of every place where a unit is made are one, and their moments are over batches and samples', () => {
    const { calibration, document, values } = setUp(config);
    const map = channelMap(document.graph);
    const actual = gateMoments(calibration, map);
    const [group] = map.groups;
    const of = (unit: number, positions: readonly number[]) =>
      slope((offset) => lossIn64(network, values, ones.with(unit, 1 + offset), positions));
    const all = batches(3);
    const expected = {
      batchAbsolute: (unit: number) => mean(all.map((positions) => Math.abs(of(unit, positions)))),
      batchSquare: (unit: number) => mean(all.map((positions) => square(of(unit, positions)))),
      mean: (unit: number) => of(unit, all.flat()),
      sampleSquare: (unit: number) => mean(all.flat().map((position) => square(of(unit, [position])))),
    };
    for (const [moment, value] of Object.entries(expected) as [keyof typeof expected, (unit: number) => number][]) {
      expectClose(
        Array.from(group!.units, (unit) => actual[moment][unit]!),
        ones.map((_, unit) => value(unit)),
        { relative: 1e-4 },
        moment,
      );
      expect(actual[moment]).toHaveLength(map.unitCount);
    }
  });
});

describe('calibration', () => {
  it('does not let signs cancel: two batches of opposite gradients', () => {
    // y - w·x with w = 0: batches of one sample, gradients -2·y·x of +2 and -2.
    const config = sequential([1], [dense('a', 1, { use_bias: false })]);
    const { calibration } = setUp(config, {
      data: datasetOf({ shape: [2, 1], data: Float32Array.of(1, 1) }, { shape: [2, 1], data: Float32Array.of(1, -1) }),
      batches: 2,
      batchSize: 1,
    });
    calibration.weights.set('a/kernel', { shape: [1, 1], data: Float32Array.of(0) });
    expect([...weightStatistics(calibration, ['a/kernel'], 'mean_abs_gradient').get('a/kernel')!]).toEqual([2]);
    expect([...weightStatistics(calibration, ['a/kernel'], 'mean_squared_gradient').get('a/kernel')!]).toEqual([4]);
  });

  it('takes as many batches as are asked for, and no more than there are', () => {
    const { calibration } = setUp(chain.config);
    const count = (asked: number): number => {
      let seen = 0;
      weightStatistics(
        {
          ...calibration,
          batches: asked,
          cancelled: () => {
            seen++;
          },
        },
        ['a/kernel'],
        'mean_abs_gradient',
      );
      return seen;
    };
    expect([1, 2, 3, 100].map(count)).toEqual([1, 2, 3, 3]);
  });

  it('leaves the weights as they were, statistics included, and no tensor behind', () => {
    const { calibration, document, weights } = setUp(chain.config);
    const before = tf.memory().numTensors;
    weightStatistics(calibration, ['a/kernel'], 'mean_squared_gradient');
    gateMoments(calibration, channelMap(document.graph));
    expect(tf.memory().numTensors).toBe(before);
    for (const [key, { data }] of document.weights) expectSameBits(weights.value(key).data, data, key);
  });

  it('is of frozen layers too', () => {
    const { calibration } = setUp(sequential([INPUTS], [dense('a', 2, { trainable: false }), dense('out', 1)]));
    expect(
      weightStatistics(calibration, ['a/kernel'], 'mean_abs_gradient')
        .get('a/kernel')!
        .every((value) => value > 0),
    ).toBe(true);
  });

  it('ends where the job is cancelled', () => {
    const { calibration } = setUp(chain.config);
    const cancelled = () => {
      throw new Error('cancelled');
    };
    expect(() => weightStatistics({ ...calibration, cancelled }, ['a/kernel'], 'mean_abs_gradient')).toThrow('cancelled');
  });

  it('is zero where the loss does not depend on the weight', () => {
    const config = functional((net) => {
      const input = net.input('x', [INPUTS]);
      net.call(dense('unread', 2), input);
      return net.call(dense('out', 1), input);
    });
    const { calibration } = setUp(config);
    const statistics = weightStatistics(calibration, ['unread/kernel', 'out/kernel'], 'mean_abs_gradient');
    expect([...statistics.get('unread/kernel')!]).toEqual(Array(6).fill(0));
    expect(statistics.get('out/kernel')!.every((value) => value > 0)).toBe(true);
  });
});
