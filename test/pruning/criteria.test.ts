import { describe, expect, it } from 'vitest';
import { criterion } from '../../src/pruning/criteria/index.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { unitScores } from '../../src/pruning/scores.ts';
import { generator } from '../../src/random.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  flatten,
  functional,
  layer,
  sequential,
} from '../helpers/documents.ts';
import { expectClose } from '../helpers/numbers.ts';

const random = () => generator(0, 'test');
const weight = { shape: [2, 2], data: Float32Array.of(-3, 0.5, 2, -0) };
const calibrated = { calibration_batches: 1, calibration_batch_size: 1 };

describe('scores of single weights', () => {
  it('by magnitude are |w|, whatever the power', () => {
    for (const p of [1, 2] as const) {
      expect([...criterion({ type: 'magnitude', p }).weightScores(weight, null, random())]).toEqual([3, 0.5, 2, 0]);
    }
  });

  it('by gradient are the mean of |g|', () => {
    const rule = criterion({ type: 'gradient', ...calibrated });
    const statistic = Float32Array.of(4, 3, 2, 1);
    expect(rule.weightStatistic).toBe('mean_abs_gradient');
    expect([...rule.weightScores(weight, statistic, random())]).toEqual([4, 3, 2, 1]);
  });

  it('by Taylor are the mean of (g·w)²', () => {
    const rule = criterion({ type: 'taylor', ...calibrated });
    expect(rule.weightStatistic).toBe('mean_squared_gradient');
    expect([...rule.weightScores(weight, Float32Array.of(4, 3, 2, 1), random())]).toEqual([36, 0.75, 8, 0]);
  });

  it('at random are seeded and do not depend on the weights', () => {
    const rule = criterion({ type: 'random' });
    const drawn = [...rule.weightScores(weight, null, random())];
    expect([...rule.weightScores({ ...weight, data: new Float32Array(4) }, null, random())]).toEqual(drawn);
    expect(new Set(drawn).size).toBe(4);
    expect([...rule.weightScores(weight, null, generator(1, 'test'))]).not.toEqual(drawn);
  });

  it('leave weight and statistic as they were', () => {
    const statistic = Float32Array.of(4, 3, 2, 1);
    const scores = criterion({ type: 'gradient', ...calibrated }).weightScores(weight, statistic, random());
    scores.fill(0);
    expect([...statistic]).toEqual([4, 3, 2, 1]);
  });
});

describe('scores of units', () => {
  function scored(config: Config, rule: Parameters<typeof criterion>[0], gates: ((unit: number) => number) | null, group = 0): number[] {
    const document = documentOf(config);
    const map = channelMap(document.graph);
    const statistics = gates ? Float64Array.from({ length: map.unitCount }, (_, unit) => gates(unit)) : null;
    const groups = map.groups.filter((entry) => entry.frozen === null);
    const scores = unitScores(map, groups, document.weights, statistics, criterion(rule), random());
    const chosen = groups[group]!;
    expect(scores.filter((_, unit) => !groups.some((entry) => entry.units.includes(unit))).every((score) => score === 0)).toBe(true);
    return [...chosen.units].map((unit) => scores[unit]!);
  }
  const mean1 = (scores: number[]) => scores.map((score) => (score * scores.length) / scores.reduce((sum, value) => sum + value, 0));

  // a: [[0 1 2] [3 4 5]], biases left out; b: [[0 1] [2 3] [4 5]].
  const chain = sequential([2], [dense('a', 3), dense('b', 2)]);

  it('by magnitude sum over the producer’s column and the reader’s row, and are divided by the group’s mean', () => {
    expectClose(scored(chain, { type: 'magnitude', p: 1 }, null), mean1([3 + 1, 5 + 5, 7 + 9]), { relative: 1e-12 });
    expectClose(scored(chain, { type: 'magnitude', p: 2 }, null), mean1([9 + 1, 17 + 13, 29 + 41]), { relative: 1e-12 });
  });

  it('by magnitude count every place of a flattened reader and every producer of a sum, but no normalisation', () => {
    const config = functional((net) => {
      const x = net.input('x', [1, 2, 1]);
      const a = net.call(batchNormalization('n'), net.call(conv2d('a', 2, 1), x));
      const b = net.call(conv2d('b', 2, 1), x);
      return net.call(dense('d', 1), net.call(flatten('f'), net.call(layer('Add', 'sum'), a, b)));
    });
    // a: [0 1], b: [0 1], d: rows [0 1 | 2 3] over two places.
    expectClose(scored(config, { type: 'magnitude', p: 1 }, null), mean1([0 + 0 + 0 + 2, 1 + 1 + 1 + 3]), { relative: 1e-12 });
  });

  it('are all zero for a group of zeros, not undefined', () => {
    const document = documentOf(chain, () => 0);
    const map = channelMap(document.graph);
    const scores = unitScores(map, [map.groups[0]!], document.weights, null, criterion({ type: 'magnitude', p: 1 }), random());
    expect([...scores]).toEqual(Array(map.unitCount).fill(0));
  });

  it.each(['gradient', 'taylor'] as const)('by %s are the gate’s statistic, raw', (type) => {
    const rule = criterion({ type, ...calibrated });
    expect(rule.gateStatistic).toBe(type === 'gradient' ? 'mean_abs_gate' : 'mean_squared_gate');
    const gates = (unit: number) => unit * 10;
    expect(scored(chain, { type, ...calibrated }, gates)).toEqual([20, 30, 40]);
  });

  it('at random lie between 0 and 1, each drawn once', () => {
    const drawn = scored(chain, { type: 'random' }, null);
    expect(new Set(drawn).size).toBe(3);
    expect(drawn.every((score) => score >= 0 && score < 1)).toBe(true);
    expect(scored(chain, { type: 'random' }, null)).toEqual(drawn);
  });
});
