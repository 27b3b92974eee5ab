import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGraph } from '../../src/model/graph.ts';
import { type PrunableKernel, prunableKernels } from '../../src/pruning/kernels.ts';
import { type Masks, sparsityOf } from '../../src/pruning/masks.ts';
import { unstructuredMasks as chooseMasks } from '../../src/pruning/structures/unstructured.ts';
import { largestSparsity, planFault, planZeros } from '../../src/pruning/zeros.ts';
import { batchNormalization, conv2d, dense, flatten, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const kernel = (layer: string, shape: number[], outputAxis = shape.length - 1): PrunableKernel => ({
  key: `${layer}/kernel`,
  layer,
  className: 'Dense',
  weight: 'kernel',
  count: shape.reduce((product, axis) => product * axis, 1),
  shape,
  inputAxes: [...shape.keys()].filter((axis) => axis !== outputAxis),
  depthwise: false,
});
const scoresOf = (entries: Record<string, number[]>) =>
  new Map(Object.entries(entries).map(([layer, values]) => [`${layer}/kernel`, Float32Array.from(values)]));
const masksOf = (masks: Masks) => Object.fromEntries([...masks].map(([key, mask]) => [key.split('/')[0], [...mask]]));
const zerosOf = (mask: Uint8Array) => mask.reduce((count, lives) => count + 1 - lives, 0);

describe('prunableKernels', () => {
  const graph = readGraph(sequential([6, 6, 1], [conv2d('c', 2, 3), batchNormalization('n'), flatten('f'), dense('d', 3)]));

  it('are the kernels: no bias, no normalisation', () => {
    expect(prunableKernels(graph, { exclude: [] })).toMatchObject([
      { key: 'c/kernel', layer: 'c', count: 18, shape: [3, 3, 1, 2], inputAxes: [0, 1, 2], depthwise: false },
      { key: 'd/kernel', layer: 'd', count: 96, shape: [32, 3], inputAxes: [0], depthwise: false },
    ]);
  });

  it('are chosen by include and exclude; exclude is stronger', () => {
    const named = (selection: { include?: string[]; exclude: string[] }) => prunableKernels(graph, selection).map(({ layer }) => layer);
    expect(named({ include: ['d'], exclude: [] })).toEqual(['d']);
    expect(named({ exclude: ['d'] })).toEqual(['c']);
    expect(named({ include: ['d'], exclude: ['d'] })).toEqual([]);
    expect(named({ include: [], exclude: [] })).toEqual([]);
  });

  it('leave one weight an output unit at their largest sparsity', () => {
    expect(largestSparsity(prunableKernels(graph, { exclude: [] }))).toBeCloseTo(1 - 5 / 114, 12);
    expect(largestSparsity([])).toBe(0);
  });
});

describe('chooseMasks', () => {
  it('cuts the lowest scores over all layers in global scope', () => {
    const masks = chooseMasks([kernel('a', [3, 1]), kernel('b', [3, 1])], scoresOf({ a: [1, 2, 3], b: [10, 20, 30] }), new Map(), {
      sparsity: 0.5,
      scope: 'global',
    });
    // a gives two and keeps its best; the third comes from b.
    expect(masksOf(masks)).toEqual({ a: [0, 0, 1], b: [0, 1, 1] });
  });

  it('cuts each layer alike in layer scope', () => {
    const masks = chooseMasks([kernel('a', [4, 1]), kernel('b', [4, 1])], scoresOf({ a: [1, 2, 3, 4], b: [40, 30, 20, 10] }), new Map(), {
      sparsity: 0.5,
      scope: 'layer',
    });
    expect(masksOf(masks)).toEqual({ a: [0, 0, 1, 1], b: [1, 1, 0, 0] });
  });

  it('cuts ties in the order of their positions', () => {
    const masks = chooseMasks([kernel('a', [6, 1])], scoresOf({ a: [5, 5, 5, 5, 5, 5] }), new Map(), { sparsity: 0.5, scope: 'global' });
    // The first is the unit's best and stays.
    expect(masksOf(masks)).toEqual({ a: [1, 0, 0, 0, 1, 1] });
  });

  it('tells scores apart that differ by one bit, and knows -0 for 0', () => {
    const next = 1 + 2 ** -23;
    const masks = chooseMasks([kernel('a', [5, 1])], scoresOf({ a: [next, 1, -0, 0, 9] }), new Map(), { sparsity: 0.6, scope: 'global' });
    expect(masksOf(masks)).toEqual({ a: [1, 0, 0, 0, 1] });
  });

  it('keeps the best weight of every output unit, wherever its axis stands', () => {
    // [2, 3]: units are columns; as [3, 2] with the output axis first, rows.
    const columns = chooseMasks([kernel('a', [2, 3])], scoresOf({ a: [1, 2, 30, 4, 5, 6] }), new Map(), { sparsity: 0.5, scope: 'global' });
    expect(masksOf(columns)).toEqual({ a: [0, 0, 1, 1, 1, 0] });
    const rows = chooseMasks([kernel('a', [3, 2], 0)], scoresOf({ a: [1, 2, 30, 4, 5, 6] }), new Map(), { sparsity: 0.5, scope: 'global' });
    expect(masksOf(rows)).toEqual({ a: [0, 1, 1, 0, 0, 1] });
  });

  it('keeps what is masked already, even where less is asked for', () => {
    const present: Masks = new Map([['a/kernel', Uint8Array.of(1, 1, 0, 0, 0, 1)]]);
    const scores = scoresOf({ a: [1, 2, 99, 99, 99, 3] });
    const at = (sparsity: number) => masksOf(chooseMasks([kernel('a', [6, 1])], scores, present, { sparsity, scope: 'global' })).a;
    expect(at(0)).toEqual([1, 1, 0, 0, 0, 1]);
    expect(at(0.5)).toEqual([1, 1, 0, 0, 0, 1]);
    expect(at(4 / 6)).toEqual([0, 1, 0, 0, 0, 1]);
  });

  it('needs no weight for a unit that has none left', () => {
    const present: Masks = new Map([['a/kernel', Uint8Array.of(0, 1, 0, 1)]]);
    const masks = chooseMasks([kernel('a', [2, 2])], scoresOf({ a: [9, 1, 9, 2] }), present, { sparsity: 0.75, scope: 'global' });
    expect(masksOf(masks)).toEqual({ a: [0, 0, 0, 1] });
  });

  it('gives a layer its own fraction, and the others what is left', () => {
    const masks = chooseMasks(
      [kernel('a', [10, 1]), kernel('b', [10, 1])],
      scoresOf({ a: [...Array(10).keys()], b: [...Array(10).keys()] }),
      new Map(),
      { sparsity: 0.5, scope: 'global', overrides: { b: { sparsity: 0.2 } } },
    );
    expect([zerosOf(masks.get('a/kernel')!), zerosOf(masks.get('b/kernel')!)]).toEqual([8, 2]);
  });

  it('does not let an override of another setting count as one', () => {
    const options = { sparsity: 0.5, scope: 'layer', overrides: { a: {} } } as const;
    expect(planZeros([kernel('a', [4, 1])], options).map(({ zeros }) => zeros)).toEqual([2]);
  });

  it('is refused when an output unit would lose all', async () => {
    const all = [kernel('a', [4, 2])];
    const scores = scoresOf({ a: [1, 2, 3, 4, 5, 6, 7, 8] });
    const cut = (sparsity: number) => chooseMasks(all, scores, new Map(), { sparsity, scope: 'global' });
    expect(zerosOf(cut(0.75).get('a/kernel')!)).toBe(6);
    await expectProblem(() => cut(0.8125), 'TARGET_OUT_OF_REACH', /7 zeros among 8 weights \(a\)/);
  });

  it('is refused when its overrides leave the others more zeros than they have weights', async () => {
    const kernels = [kernel('a', [4, 1]), kernel('b', [16, 1])];
    const scores = scoresOf({ a: [1, 2, 3, 4], b: [...Array(16).keys()] });
    await expectProblem(
      () => chooseMasks(kernels, scores, new Map(), { sparsity: 0.9, scope: 'global', overrides: { b: { sparsity: 0.1 } } }),
      'TARGET_OUT_OF_REACH',
    );
  });

  const problem = fc.record({
    shapes: fc.array(fc.record({ inputs: fc.integer({ min: 1, max: 9 }), units: fc.integer({ min: 1, max: 5 }), last: fc.boolean() }), {
      minLength: 1,
      maxLength: 6,
    }),
    sparsity: fc.double({ min: 0, max: 1, noNaN: true }),
    scope: fc.constantFrom('layer' as const, 'global' as const),
    levels: fc.constantFrom(2, 5, 1_000_000),
    seed: fc.infiniteStream(fc.nat(1_000_000)),
    masked: fc.double({ min: 0, max: 0.5, noNaN: true }),
  });

  it('has the exact count of zeros, keeps the higher scores, and a weight a unit, whatever the scores', () => {
    fc.assert(
      fc.property(problem, ({ shapes, sparsity, scope, levels, seed }) => {
        const kernels = shapes.map(({ inputs, units, last }, index) =>
          last ? kernel(`l${index}`, [inputs, units]) : kernel(`l${index}`, [units, inputs], 0),
        );
        const next = () => seed.next().value % levels;
        const scores = new Map(kernels.map(({ key, count }) => [key, Float32Array.from({ length: count }, next)]));
        const options = { sparsity, scope, minDensity: 0 };
        const total = kernels.reduce((sum, { count }) => sum + count, 0);
        if (planFault(kernels, options) !== null) {
          expect(() => chooseMasks(kernels, scores, new Map(), options)).toThrow();
          return;
        }
        const masks = chooseMasks(kernels, scores, new Map(), options);
        expect(kernels.reduce((sum, { key }) => sum + zerosOf(masks.get(key)!), 0)).toBe(Math.round(sparsity * total));
        // In layer scope a layer's own; in global scope all together: a pruned weight never scores above one that is kept, unless it is no unit's best.
        const pools = scope === 'global' ? [kernels] : kernels.map((entry) => [entry]);
        for (const pool of pools) {
          let highestPruned = Number.NEGATIVE_INFINITY;
          let lowestKept = Number.POSITIVE_INFINITY;
          for (const { key, shape, inputAxes, count } of pool) {
            const outputAxis = inputAxes.includes(0) ? 1 : 0;
            const units = shape[outputAxis]!;
            const best = new Map<number, number>();
            const unitOf = (index: number) => (outputAxis === 0 ? Math.floor(index / (count / units)) : index % units);
            for (let index = 0; index < count; index++) {
              const present = best.get(unitOf(index));
              if (present === undefined || scores.get(key)![index]! > scores.get(key)![present]!) best.set(unitOf(index), index);
            }
            const kept = new Set<number>();
            masks.get(key)!.forEach((lives, index) => {
              if (lives) kept.add(unitOf(index));
              if (!lives) highestPruned = Math.max(highestPruned, scores.get(key)![index]!);
              else if (best.get(unitOf(index)) !== index) lowestKept = Math.min(lowestKept, scores.get(key)![index]!);
            });
            expect(kept.size).toBe(units);
          }
          expect(highestPruned).toBeLessThanOrEqual(lowestKept);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('never brings a masked weight back, and cuts on to the count', () => {
    fc.assert(
      fc.property(problem, ({ shapes, sparsity, levels, seed, masked }) => {
        const kernels = shapes.map(({ inputs, units }, index) => kernel(`l${index}`, [inputs, units]));
        const next = () => seed.next().value % levels;
        const scores = new Map(kernels.map(({ key, count }) => [key, Float32Array.from({ length: count }, next)]));
        if (planFault(kernels, { sparsity: masked, scope: 'global' }) !== null) return;
        const present = chooseMasks(kernels, scores, new Map(), { sparsity: masked, scope: 'global' });
        if (planFault(kernels, { sparsity, scope: 'global' }) !== null) return;
        const masks = chooseMasks(kernels, scores, present, { sparsity, scope: 'global' });
        const count = (each: Masks) => kernels.reduce((sum, { key }) => sum + zerosOf(each.get(key)!), 0);
        for (const { key } of kernels) {
          for (const [index, lives] of masks.get(key)!.entries()) expect(lives).toBeLessThanOrEqual(present.get(key)![index]!);
        }
        const total = kernels.reduce((sum, entry) => sum + entry.count, 0);
        expect(count(masks)).toBe(Math.max(count(present), Math.round(sparsity * total)));
      }),
      { numRuns: 200 },
    );
  });
});

describe('planFault', () => {
  const kernels = [kernel('a', [10, 2]), kernel('b', [4, 1])];

  it('is null up to the largest sparsity of a pool, and says what is beyond', () => {
    expect(planFault(kernels, { sparsity: 21 / 24, scope: 'global' })).toBeNull();
    expect(planFault(kernels, { sparsity: 22 / 24, scope: 'global' })).toMatch(/22 zeros among the 24 weights of a, b .* at most 21/);
  });

  it('sees a layer that cannot give its share in layer scope', () => {
    // 0.85: 17 of a's 20 of which 18 may go, and 3.4 of b's 4 of which 3 may go; 0.9: 3.6 of b.
    expect(planFault(kernels, { sparsity: 0.85, scope: 'layer' })).toBeNull();
    expect(planFault(kernels, { sparsity: 0.9, scope: 'layer' })).toMatch(/4 zeros among the 4 weights of b/);
    expect(planFault(kernels, { sparsity: 0.875, scope: 'global' })).toBeNull();
  });

  it('sees overrides that leave too much for the rest, or too little of everything', () => {
    const own = (a: number, b?: number) => ({ a: { sparsity: a }, ...(b === undefined ? {} : { b: { sparsity: b } }) });
    expect(planFault(kernels, { sparsity: 0.5, scope: 'global', overrides: own(0.2) })).toMatch(/8 zeros among the 4 weights of b/);
    expect(planFault(kernels, { sparsity: 0.5, scope: 'global', overrides: own(0.2, 0.2) })).toMatch(/leave 5 zeros of the 12/);
    expect(planFault(kernels, { sparsity: 0.5, scope: 'global', overrides: own(0.95) })).toMatch(/19 zeros among the 20 weights of a/);
    expect(planFault(kernels, { sparsity: 0.5, scope: 'global', overrides: own(0.5, 0.5) })).toBeNull();
  });
});

describe('sparsityOf', () => {
  it('is the fraction of zeros of either sign over all kernels', () => {
    const kernels = [kernel('a', [3, 1]), kernel('b', [1, 1])];
    const values = new Map([
      ['a/kernel', { data: Float32Array.of(0, -0, 1) }],
      ['b/kernel', { data: Float32Array.of(2) }],
    ]);
    expect(sparsityOf(kernels, values)).toBe(0.5);
    expect(sparsityOf([], values)).toBe(0);
  });
});
