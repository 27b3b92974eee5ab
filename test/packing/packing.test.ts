/** Fewer and shorter numbers, against slow or exact counterparts. */
import { describe, expect, it } from 'vitest';
import { allocateClusters } from '../../src/packing/allocate-clusters.ts';
import { gridSteps, onGrid, onGrids } from '../../src/packing/grid.ts';
import { sharedValues, snapped, weightsOf } from '../../src/packing/shared-values.ts';
import { withPrecision } from '../../src/packing/with-precision.ts';
import { generator } from '../../src/random.ts';
import { dense, documentOf, sequential } from '../helpers/documents.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const numbers = generator(7, 'packing');
const sparse = (count: number) => Float32Array.from({ length: count }, () => (numbers.uniform() < 0.4 ? 0 : numbers.normal()));

/** Lloyd's algorithm word for word: every weight looks at every centroid. */
function slowMeans(weights: Float32Array, clusters: number): number[] {
  const living = [...weights].filter((weight) => weight !== 0);
  const [least, most] = [Math.min(...living), Math.max(...living)];
  let centroids = Array.from({ length: clusters }, (_, at) => least + ((most - least) * at) / (clusters - 1));
  let before = '';
  for (;;) {
    const nearest = living.map((weight) =>
      centroids.reduce((best, _, at) => (Math.abs(weight - centroids[at]!) < Math.abs(weight - centroids[best]!) ? at : best), 0),
    );
    if (nearest.join() === before) return centroids.filter((_, at) => nearest.includes(at));
    before = nearest.join();
    centroids = centroids.map((centroid, at) => {
      const own = living.filter((_, index) => nearest[index] === at);
      return own.length === 0 ? centroid : own.reduce((sum, weight) => sum + weight, 0) / own.length;
    });
  }
}

describe('shared values', () => {
  it.each([2, 5, 16])('are those of k-means from a line of %i centroids, and zeros stay zero', (clusters) => {
    const weights = sparse(400);
    const made = sharedValues(weights, clusters);
    expectClose(made.values, slowMeans(weights, clusters), { relative: 1e-6 });
    const packed = weightsOf(made);
    for (const [index, weight] of weights.entries()) {
      if (weight === 0) expect(Object.is(packed[index], 0)).toBe(true);
      else {
        const distance = Math.min(...[...made.values].map((value) => Math.abs(value - weight)));
        expect(Math.abs(packed[index]! - weight)).toBeLessThanOrEqual(distance + 1e-6);
      }
    }
  });

  it('are the weights themselves where there are as many values, and few where weights are', () => {
    const weights = Float32Array.of(0.5, -1, 0, 0.5, 2);
    expectSameBits(weightsOf(sharedValues(weights, 256)), weights);
    expect(sharedValues(new Float32Array(4), 3).values).toHaveLength(0);
    expect([...weightsOf(sharedValues(Float32Array.of(-1, 1), 1))].every((value) => value !== 0)).toBe(true);
  });

  it('are made equal again where training left the last bits apart', () => {
    const { places, values } = sharedValues(Float32Array.of(0.1, 0, 0.3, 0.1), 2);
    const drifted = Float32Array.of(0.1, 0, 0.3, 0.10000002);
    const made = snapped(drifted, places, values.length);
    expect(made[0]).toBe(made[3]);
    expectClose(made, drifted, { absolute: 1e-7 });
  });
});

describe('a grid', () => {
  it('takes for each output unit the best of the steps that are tried', () => {
    const [inputs, units, largest] = [40, 3, 7];
    const matrix = Float32Array.from({ length: inputs * units }, (_, at) =>
      at % units === 2 ? 0 : numbers.normal() * (at % units === 0 ? 1 : 20),
    );
    const importance = matrix.map(() => numbers.uniform());
    const steps = gridSteps(matrix, importance, units, largest);
    expect(steps[2]).toBe(1);
    const harm = (unit: number, step: number) =>
      Array.from({ length: inputs }, (_, input) => {
        const at = input * units + unit;
        const whole = Math.max(-largest, Math.min(largest, Math.round(matrix[at]! / step)));
        return importance[at]! * (matrix[at]! - whole * step) ** 2;
      }).reduce((sum, value) => sum + value, 0);
    for (const unit of [0, 1]) {
      const most = Math.max(...Array.from({ length: inputs }, (_, input) => Math.abs(matrix[input * units + unit]!)));
      for (let fraction = 0.4; fraction <= 1.0001; fraction += 0.025) {
        expect(harm(unit, steps[unit]!)).toBeLessThanOrEqual(harm(unit, (most * fraction) / largest) * 1.03 + 1e-9);
      }
    }
  });

  it('rounds halves to even as TensorFlow does, clamps, and has no -0', () => {
    expect([0.5, 1.5, 2.5, -0.5, -9, 9].map((value) => onGrid(value, 1, 7))).toEqual([0, 2, 2, 0, -7, 7]);
    expect(Object.is(onGrid(-0.4, 1, 7), 0)).toBe(true);
  });

  it('reads the step of a unit along any axis', () => {
    const weights = Float32Array.from({ length: 12 }, (_, at) => at + 0.4);
    const steps = { shape: [1, 3, 1], data: Float32Array.of(1, 2, 4) };
    const made = onGrids(weights, [2, 3, 2], steps, 127);
    expect([...made]).toEqual([...weights].map((weight, at) => onGrid(weight, [1, 2, 4][(at >> 1) % 3]!, 127)));
  });
});

it('bytes go where they spare most harm', () => {
  const choice = (bytes: number, harm: number) => ({ clusters: bytes, bytes, harm });
  const choices = [
    [choice(1, 10), choice(2, 9), choice(4, 0)],
    [choice(1, 8), choice(2, 1), choice(4, 0.5)],
  ];
  expect(allocateClusters(choices, 1)).toBeNull();
  expect(allocateClusters(choices, 2)).toEqual([0, 0]);
  expect(allocateClusters(choices, 3)).toEqual([0, 1]);
  expect(allocateClusters(choices, 6)).toEqual([2, 1]);
  expect(allocateClusters(choices, 100)).toEqual([2, 2]);
});

it('a type of two bytes takes what it has room for, without -0', () => {
  const values: Record<string, number[]> = { 'a/kernel': [0.1, -1e-9], 'a/bias': [7e4] };
  const document = documentOf(sequential([2], [dense('a', 1)]), (key, index) => values[key]![index]!);
  const { document: made, tooLarge } = withPrecision(document, 'float16');
  expect(tooLarge).toEqual(['a/bias']);
  expectSameBits(made.weights.get('a/kernel')!.data, Float32Array.of(Math.f16round(0.1), 0));
  expect([...made.source.narrow]).toEqual([['a/kernel', 'float16']]);
  expect([...made.weights.get('a/bias')!.data]).toEqual([7e4]);
});
