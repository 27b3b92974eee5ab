import { describe, expect, it } from 'vitest';
import { resolveLayers } from '../../src/jobs/resolve-layers.ts';
import { Pruning } from '../../src/jobs/spec/index.ts';
import { limitsOf } from '../../src/pruning/allocation.ts';
import { fitMeasured } from '../../src/pruning/fit-measured.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { prunableKernels } from '../../src/pruning/kernels.ts';
import { bytesMeasure, parametersMeasure } from '../../src/pruning/measures.ts';
import { sparsityForBytes, sparsityForParameters } from '../../src/pruning/sparsity-target.ts';
import { fillDefaults } from '../../src/schema.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const net = documentOf(sequential([4], [dense('a', 6), dense('b', 5), dense('out', 2)]), randomFill(1));
const none = { exclude: [], overrides: {} };

describe('limits of a group', () => {
  const group = {
    key: 'group',
    layers: ['a', 'b'],
    kind: 'channels' as const,
    units: Int32Array.from({ length: 12 }, (_, unit) => unit),
    frozen: null,
  };
  const limits = { round_to: 1, min_channels: 2, max_ratio: 0.9 };

  it('are the strictest of its layers, and the structure only where none says otherwise', () => {
    const overrides = {
      a: { min_channels: 5, round_to: 4, sparsity: 0.2 },
      b: { min_channels: 3, round_to: 6, max_ratio: 0.5, sparsity: 0.4 },
    };
    expect(limitsOf(group, { ...limits, overrides })).toEqual({ round_to: 12, min_channels: 5, max_ratio: 0.5, of: 12, fraction: 0.4 });
    expect(limitsOf(group, { ...limits, overrides: { a: { max_ratio: 0 } } })).toMatchObject({ min_channels: 2, max_ratio: 0 });
  });

  it('count from what the group had before any cut', () => {
    expect(limitsOf(group, { ...limits, overrides: {}, before: () => 20 }).of).toBe(20);
  });
});

describe('patterns of layers', () => {
  const model = { layers: ['conv_1', 'conv_2', 'dense', 'a*b'].map((name) => ({ name })) } as never;
  it('are replaced by the names they fit, in the order of the model; a name counts before patterns', () => {
    const asked = {
      include: ['conv_*', 'dense'],
      exclude: ['*2'],
      overrides: { '*': { sparsity: 0.1, round_to: 2 }, 'conv*': { min_channels: 3, sparsity: 0.9 }, conv_1: { sparsity: 0.5 } },
    };
    expect(resolveLayers(asked, model, '/layers')).toEqual({
      include: ['conv_1', 'conv_2', 'dense'],
      exclude: ['conv_2'],
      overrides: {
        conv_1: { sparsity: 0.5, round_to: 2, min_channels: 3 },
        conv_2: { sparsity: 0.1, round_to: 2, min_channels: 3 },
        dense: { sparsity: 0.1, round_to: 2 },
        'a*b': { sparsity: 0.1, round_to: 2 },
      },
    });
    expect(resolveLayers({ ...none, exclude: ['a*b'] }, model, '').exclude).toEqual(['a*b']);
  });
  it('that fit nothing are refused, each with its place', async () => {
    const problem = await expectProblem(
      () => resolveLayers({ exclude: ['pool*', 'conv_1'], overrides: { 'x/y*': {} } }, model, '/layers'),
      'UNKNOWN_LAYER',
    );
    expect(problem.items.map(({ pointer }) => pointer)).toEqual(['/layers/exclude/0', '/layers/overrides/x~1y*']);
  });
});

describe('measures', () => {
  const map = channelMap(net.graph);
  const removed = (group: number, count: number) => {
    const cut = new Uint8Array(map.unitCount);
    for (const unit of map.groups[group]!.units.subarray(0, count)) cut[unit] = 1;
    return cut;
  };
  it('count parameters: of a 4-6-5-2 network 30 + 35 + 12, and with two units less of the first 20 + 25 + 12', () => {
    expect(parametersMeasure(map).of(removed(0, 0))).toBe(77);
    expect(parametersMeasure(map).of(removed(0, 2))).toBe(57);
  });
  it('estimate bytes in proportion, and all of them where nothing goes', () => {
    const bytes = bytesMeasure(net, map, 9000);
    expect(bytes.of(removed(0, 0))).toBeCloseTo(9000);
    // Half of a: its kernel and bias, and b's kernel, are halved, by about four bytes a number.
    expect(9000 - bytes.of(removed(0, 3))).toBeGreaterThan(4 * 30 * 0.8);
    expect(9000 - bytes.of(removed(0, 3))).toBeLessThan(4 * 30 * 1.4);
  });
});

describe('targets of zeros in other words', () => {
  const kernels = prunableKernels(net.graph, none);
  it('become a sparsity of the kernels: of 77 weights, 64 of them in kernels, half are kept with 38.5 zeros', () => {
    expect(sparsityForParameters(net.graph, kernels, 0.5)).toBeCloseTo(38.5 / 64);
  });
  it('of bytes are found by writing files', async () => {
    const { writeKeras } = await import('../../src/model/formats/keras.ts');
    const wide = documentOf(sequential([40], [dense('a', 60), dense('out', 3)]), randomFill(1));
    const whole = (await writeKeras(wide)).length;
    const pruning = fillDefaults(Pruning, { criterion: { type: 'magnitude' }, target: { bytes: 0.6 } });
    const sparsity = (await sparsityForBytes(wide, pruning, { bytes: 0.6 * whole, format: 'keras' }))!;
    expect(sparsity).toBeGreaterThan(0.3);
    expect(sparsity).toBeLessThan(0.9);
    expect(await sparsityForBytes(wide, pruning, { bytes: 100, format: 'keras' })).toBeNull();
    // One more: more bytes need fewer zeros.
    expect((await sparsityForBytes(wide, pruning, { bytes: 0.8 * whole, format: 'keras' }))!).toBeLessThan(sparsity);
  });
});

describe('fitMeasured', () => {
  const costs = (cost: (place: number) => number, limit: number, attempts = 20) =>
    fitMeasured({
      limit,
      least: 10,
      most: 100,
      guess: limit,
      attempts,
      tolerance: 0.001,
      measureAt: async (place) => ({ cut: place, cost: cost(place) }),
    });
  it('ends within the limit, near it, where cost is not in proportion to place', async () => {
    for (const limit of [20, 35, 60]) {
      const found = (await costs((place) => 12 + place ** 2 / 120, limit))!;
      expect(found.cost).toBeLessThanOrEqual(limit);
      expect(found.cost).toBeGreaterThan(limit * 0.998);
    }
  });
  it('takes the furthest cut where only that is enough, and says so where it is not', async () => {
    expect(await costs((place) => (place > 10 ? 50 : 5), 20)).toEqual({ cut: 10, cost: 5 });
    expect(await costs(() => 50, 20)).toBeNull();
  });
  it('never takes what costs more, however few its measurements', async () => {
    const found = await costs((place) => place + 30, 45, 2);
    expect(found!.cost).toBeLessThanOrEqual(45);
  });
});
