import { describe, expect, it } from 'vitest';
import { criterion, type ScoredUnits, type ScoredWeights } from '../../src/pruning/criteria/index.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import type { PrunableKernel } from '../../src/pruning/kernels.ts';
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
const calibrated = { calibration_batches: 1, calibration_batch_size: 1 };
const kernelOf = (shape: number[], changes: Partial<PrunableKernel> = {}): PrunableKernel => ({
  key: 'a/kernel',
  layer: 'a',
  className: 'Dense',
  weight: 'kernel',
  count: shape.reduce((product, axis) => product * axis, 1),
  shape,
  inputAxes: [...shape.keys()].slice(0, -1),
  depthwise: false,
  ...changes,
});

/** The scores of a weight [2, 2] of -3, 0.5, 2, -0 by a statistic, unless said otherwise. */
function weightScores(spec: Parameters<typeof criterion>[0], statistic: unknown, data = [-3, 0.5, 2, -0], seed = random()): number[] {
  const rule = criterion(spec).weights as ScoredWeights;
  const kernel = kernelOf([data.length / 2, 2]);
  return [...rule.scores({ shape: kernel.shape, data: Float32Array.from(data) }, statistic as null, kernel, seed)];
}

describe('scores of single weights', () => {
  const statistic = () => Float32Array.of(4, 3, 2, 1);

  it.each<[Parameters<typeof criterion>[0], string, unknown, number[]]>([
    [{ type: 'magnitude', p: 1 }, 'nothing', null, [3, 0.5, 2, 0]],
    [{ type: 'magnitude', p: 2 }, 'nothing', null, [9, 0.25, 4, 0]],
    [{ type: 'gradient', ...calibrated }, 'mean_abs_gradient', statistic(), [4, 3, 2, 1]],
    [{ type: 'taylor', ...calibrated }, 'mean_squared_gradient', statistic(), [36, 0.75, 8, 0]],
    [{ type: 'snip', ...calibrated }, 'mean_abs_gradient', statistic(), [12, 1.5, 4, 0]],
    [{ type: 'fisher', ...calibrated }, 'mean_squared_gradient', statistic(), [18, 0.375, 4, 0]],
    [{ type: 'grasp', ...calibrated }, 'hessian_gradient', Float32Array.of(4, -3, 2, 1), [-12, -1.5, 4, 0]],
    [{ type: 'synflow', iterations: 1 }, 'synaptic_flow', statistic(), [12, 1.5, 4, 0]],
    // Inputs of norms 10 and 100: rows of the kernel.
    [{ type: 'wanda', ...calibrated }, 'input_norms', { groups: 1, norms: Float32Array.of(10, 100) }, [30, 5, 200, 0]],
  ])('by %j are those of its formula', (spec, needs, given, expected) => {
    expect(criterion(spec).weights!.needs).toBe(needs);
    expect(weightScores(spec, given).map((score) => score + 0)).toEqual(expected);
  });

  it('by LAMP are squares over the sum of those not smaller, ties among them', () => {
    // Squares 9, 1, 1, 4, 0, 4: of 9 9/9, of 4 4/17, of 1 1/19.
    expectClose(weightScores({ type: 'lamp' }, null, [-3, 1, -1, 2, 0, 2]), [1, 1 / 19, 1 / 19, 4 / 17, 0, 4 / 17], { relative: 1e-6 });
  });

  it('by wanda follow the groups of a depthwise kernel', () => {
    // [1, 2 taps, 2 channels, 1]: channel c has norms 10 and 1000 of its first tap, 100 and 10000 of its second.
    const kernel = kernelOf([1, 2, 2, 1], { inputAxes: [0, 1], depthwise: true });
    const rule = criterion({ type: 'wanda', ...calibrated }).weights as ScoredWeights<'input_norms'>;
    const data = Float32Array.of(1, 2, 3, 4);
    expect([
      ...rule.scores({ shape: kernel.shape, data }, { groups: 2, norms: Float32Array.of(10, 100, 1000, 10000) }, kernel, random()),
    ]).toEqual([10, 2000, 300, 40000]);
  });

  it('at random are seeded and do not depend on the weights', () => {
    const drawn = weightScores({ type: 'random' }, null);
    expect(weightScores({ type: 'random' }, null, [0, 0, 0, 0])).toEqual(drawn);
    expect(new Set(drawn).size).toBe(4);
    expect(weightScores({ type: 'random' }, null, [0, 0, 0, 0], generator(1, 'test'))).not.toEqual(drawn);
  });

  it('leave the statistic as it was', () => {
    const given = statistic();
    weightScores({ type: 'gradient', ...calibrated }, given).fill(0);
    expect([...given]).toEqual([4, 3, 2, 1]);
  });
});

describe('scores of units', () => {
  function scored(config: Config, spec: Parameters<typeof criterion>[0], statistic: (unitCount: number) => unknown, group = 0): number[] {
    const document = documentOf(config);
    const map = channelMap(document.graph);
    const groups = map.groups.filter((entry) => entry.frozen === null);
    const rule = criterion(spec).units as ScoredUnits;
    const scores = unitScores(map, groups, document.weights, rule, statistic(map.unitCount) as null, random());
    const chosen = groups[group]!;
    expect(scores.filter((_, unit) => !groups.some((entry) => entry.units.includes(unit))).every((score) => score === 0)).toBe(true);
    return [...chosen.units].map((unit) => scores[unit]!);
  }
  const nothing = () => null;
  const mean1 = (scores: number[]) => scores.map((score) => (score * scores.length) / scores.reduce((sum, value) => sum + value, 0));

  // a: [[0 1 2] [3 4 5]], biases left out; b: [[0 1] [2 3] [4 5]].
  const chain = sequential([2], [dense('a', 3), dense('b', 2)]);

  it('by magnitude sum over the producer’s column and the reader’s row, and are divided by the group’s mean', () => {
    expectClose(scored(chain, { type: 'magnitude', p: 1 }, nothing), mean1([3 + 1, 5 + 5, 7 + 9]), { relative: 1e-12 });
    expectClose(scored(chain, { type: 'magnitude', p: 2 }, nothing), mean1([9 + 1, 17 + 13, 29 + 41]), { relative: 1e-12 });
  });

  it('by magnitude count every place of a flattened reader and every producer of a sum, but no normalisation', () => {
    const config = functional((net) => {
      const x = net.input('x', [1, 2, 1]);
      const a = net.call(batchNormalization('n'), net.call(conv2d('a', 2, 1), x));
      const b = net.call(conv2d('b', 2, 1), x);
      return net.call(dense('d', 1), net.call(flatten('f'), net.call(layer('Add', 'sum'), a, b)));
    });
    // a: [0 1], b: [0 1], d: rows [0 1 | 2 3] over two places.
    expectClose(scored(config, { type: 'magnitude', p: 1 }, nothing), mean1([0 + 0 + 0 + 2, 1 + 1 + 1 + 3]), { relative: 1e-12 });
  });

  it('are all zero for a group of zeros, not undefined', () => {
    const document = documentOf(chain, () => 0);
    const map = channelMap(document.graph);
    const rule = criterion({ type: 'magnitude', p: 1 }).units as ScoredUnits;
    expect([...unitScores(map, [map.groups[0]!], document.weights, rule, null, random())]).toEqual(Array(map.unitCount).fill(0));
  });

  const ramp = (factor: number) => (count: number) => Float64Array.from({ length: count }, (_, unit) => unit * factor);
  it.each([
    ['gradient', 'batchAbsolute', [20, 30, 40]],
    ['taylor', 'batchSquare', [20, 30, 40]],
    ['snip', 'mean', [20, 30, 40]],
    ['fisher', 'sampleSquare', [10, 15, 20]],
  ] as const)('by %s are of the gate’s %s, raw', (type, moment, expected) => {
    const given = (count: number) => ({ [moment]: ramp(moment === 'mean' ? -10 : 10)(count) });
    expect(scored(chain, { type, ...calibrated }, given)).toEqual(expected);
  });

  it.each([
    ['activation_mean', 'meanAbsolute', [2, 3, 4]],
    ['activation_variance', 'variance', [2, 3, 4]],
    ['apoz', 'zeros', [0.8, 0.7, 0.6]],
  ] as const)('by %s are of the activation’s %s, over the group’s mean', (type, moment, expected) => {
    const given = (count: number) => ({ [moment]: ramp(type === 'apoz' ? 0.1 : 1)(count) });
    expectClose(scored(chain, { type, ...calibrated }, given), mean1([...expected]), { relative: 1e-12 });
  });

  it('by FPGM are the sum of distances to the other filters, over all producers of a sum', () => {
    const config = functional((net) => {
      const x = net.input('x', [2]);
      const sum = net.call(layer('Add', 'sum'), net.call(dense('a', 3), x), net.call(dense('b', 3), x));
      return net.call(dense('d', 1), sum);
    });
    // Columns of a and b alike: (0, 3), (1, 4), (2, 5): over both 2 and 4 apart, and d counts for nothing.
    expectClose(scored(config, { type: 'fpgm' }, nothing), mean1([2 + 4, 2 + 2, 4 + 2]), { relative: 1e-12 });
  });

  it('by the normalisation’s scale are |gamma| of that behind the producer', () => {
    const config = sequential([2, 2, 1], [conv2d('a', 3, 1), batchNormalization('n'), layer('ReLU', 'r'), flatten('f'), dense('d', 1)]);
    expectClose(scored(config, { type: 'batchnorm_scale' }, nothing), mean1([0, 1, 2]), { relative: 1e-12 });
  });

  it('at random lie between 0 and 1, each drawn once', () => {
    const drawn = scored(chain, { type: 'random' }, nothing);
    expect(new Set(drawn).size).toBe(3);
    expect(drawn.every((score) => score >= 0 && score < 1)).toBe(true);
    expect(scored(chain, { type: 'random' }, nothing)).toEqual(drawn);
  });

  it('in the scope isomorphic are ranks among the groups of one build', () => {
    const config = sequential([2], [dense('a', 2), dense('b', 2), dense('out', 1)]);
    const document = documentOf(config);
    const map = channelMap(document.graph);
    const groups = map.groups.filter((entry) => entry.frozen === null);
    const rule: ScoredUnits<'nothing'> = {
      needs: 'nothing',
      normalised: false,
      scores: (group) => Float64Array.from(group.units, (unit) => (unit * 7) % 5),
    };
    const scores = unitScores(map, groups, document.weights, rule, null, random(), 'isomorphic');
    // Units 2 to 5 score 4, 1, 3, 0.
    expect(groups.flatMap(({ units }) => [...units].map((unit) => scores[unit]))).toEqual([0.75, 0.25, 0.5, 0]);
  });
});
