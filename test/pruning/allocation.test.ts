import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { totalMacs } from '../../src/model/costs.ts';
import { type AllocationOptions, allocate, furthestCut, limitsOf, mostRemovable, selectableGroups } from '../../src/pruning/allocation.ts';
import { type ChannelMap, channelMap } from '../../src/pruning/groups.ts';
import { macsMeasure } from '../../src/pruning/measures.ts';
import { macsWithout, type Removed, removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import { type Config, conv2d, dense, documentOf, functional, layer, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';
import { configOf, randomGraph } from '../helpers/random-graphs.ts';

const free: Omit<AllocationOptions, 'measure' | 'limit'> = { scope: 'global', round_to: 1, min_channels: 1, max_ratio: 1, overrides: {} };
const all = { exclude: [] };

/** Units kept by each group, in the groups' order. */
function kept(map: ChannelMap, removed: Removed): Record<string, number> {
  return Object.fromEntries(
    map.groups.map(({ layers, units }) => [layers.join('+'), units.reduce((count, unit) => count + 1 - removed[unit]!, 0)]),
  );
}

function plan(config: Config, scoresOf: Record<string, number[]>, { macs, ...options }: Partial<AllocationOptions> & { macs: number }) {
  const map = channelMap(documentOf(config, () => 0).graph);
  const scores = new Float64Array(map.unitCount);
  for (const { layers, units } of map.groups) {
    for (const [index, unit] of units.entries()) scores[unit] = scoresOf[layers[0]!]?.[index] ?? 0;
  }
  const removed = allocate(map, selectableGroups(map, all), scores, { ...free, measure: macsMeasure(map), limit: macs, ...options });
  return { map, removed, kept: kept(map, removed), macs: macsWithout(map, removed) };
}

// 4·4 + 4·4 + 4·1 = 36 multiply-accumulates; a unit of a costs 4 + kept(b), one of b kept(a) + 1.
const chain = sequential([4], [dense('a', 4), dense('b', 4), dense('out', 1)]);
const ascending = { a: [1, 2, 3, 4], b: [10, 20, 30, 40] };

describe('allocate', () => {
  it('removes nothing where nothing has to go', () => {
    expect(plan(chain, ascending, { macs: 36 }).kept).toEqual({ a: 4, b: 4, out: 1 });
  });

  it('removes the lowest score first, until the count meets the target', () => {
    // One unit of a: 36 - 8 = 28.
    expect(plan(chain, ascending, { macs: 35 })).toMatchObject({ kept: { a: 3, b: 4 }, macs: 28 });
    expect(plan(chain, ascending, { macs: 28 })).toMatchObject({ kept: { a: 3, b: 4 }, macs: 28 });
    // Two units of a: 2·4 + 2·4 + 4 = 20; three: 12.
    expect(plan(chain, ascending, { macs: 27 })).toMatchObject({ kept: { a: 2, b: 4 }, macs: 20 });
    expect(plan(chain, ascending, { macs: 12 })).toMatchObject({ kept: { a: 1, b: 4 }, macs: 12 });
    // Then units of b, each 1 + 1.
    expect(plan(chain, ascending, { macs: 11 })).toMatchObject({ kept: { a: 1, b: 3 }, macs: 10 });
  });

  it('removes the units that score lowest, not the first', () => {
    const { map, removed } = plan(chain, { a: [4, 1, 3, 2], b: [10, 20, 30, 40] }, { macs: 27 });
    const [a] = map.groups;
    expect([...a!.units].map((unit) => removed[unit])).toEqual([0, 1, 0, 1]);
  });

  it('puts back the best of what it took where the target still holds without', () => {
    // By score: a, a, then b's lowest; at 18 the third step (36 -> 28 -> 20 -> 17) is needed, and one of a does not fit back: 17 + 4 + 3 > 18.
    expect(plan(chain, { a: [1, 2, 90, 91], b: [3, 80, 81, 82] }, { macs: 18 }).kept).toMatchObject({ a: 2, b: 3 });
    // b's cheap unit goes first and a's dear one alone meets 28: b's comes back.
    expect(plan(chain, { a: [2, 90, 91, 92], b: [1, 80, 81, 82] }, { macs: 28 })).toMatchObject({ kept: { a: 3, b: 4 }, macs: 28 });
  });

  it('cuts groups alike in layer scope, whatever the scores, but for one step put back', () => {
    // 28, 24, 17, 14, then 8 with a 1 and b 2; one of b back is 10, another would be 12 and no longer alike.
    expect(plan(chain, ascending, { macs: 12, scope: 'layer' })).toMatchObject({ kept: { a: 1, b: 3 }, macs: 10 });
    expect(plan(chain, { a: [100, 100, 100, 100], b: [0, 0, 0, 0] }, { macs: 14, scope: 'layer' })).toMatchObject({
      kept: { a: 2, b: 2 },
      macs: 14,
    });
  });

  it('leaves multiples of round_to, one step removed from an odd count', () => {
    const wide = sequential([1], [dense('a', 10), dense('out', 1)]);
    const scores = { a: [...Array(10).keys()] };
    const at = (macs: number) => plan(wide, scores, { macs, round_to: 4 }).kept.a;
    expect([20, 19, 16, 15, 8].map(at)).toEqual([10, 8, 8, 4, 4]);
  });

  it('never goes below min_channels or beyond max_ratio', async () => {
    const at = (options: Partial<AllocationOptions> & { macs?: number }) => plan(chain, ascending, { macs: 16, ...options }).kept;
    expect(at({ min_channels: 3, macs: 3 * 4 + 3 * 3 + 3 })).toMatchObject({ a: 3, b: 3 });
    expect(at({ max_ratio: 0.5, macs: 14 })).toMatchObject({ a: 2, b: 2 });
    await expectProblem(() => at({ max_ratio: 0.5, macs: 13 }), 'TARGET_OUT_OF_REACH', /13 multiply-accumulates .* 14 are left/);
    await expectProblem(() => at({ min_channels: 5, macs: 35 }), 'TARGET_OUT_OF_REACH', /36 are left/);
  });

  it('gives an overridden group its own fraction and cuts the rest to the target', () => {
    const own = { b: { sparsity: 0.5 } };
    // b keeps 2: 4·4 + 4·2 + 2 = 26 with all of a; one of a less is 20.
    expect(plan(chain, ascending, { macs: 26, overrides: own })).toMatchObject({ kept: { a: 4, b: 2 }, macs: 26 });
    expect(plan(chain, ascending, { macs: 25, overrides: own })).toMatchObject({ kept: { a: 3, b: 2 }, macs: 20 });
    expect(plan(chain, ascending, { macs: 21, overrides: { a: { sparsity: 0 } } })).toMatchObject({ kept: { a: 4, b: 1 }, macs: 21 });
  });

  it('leaves a group whole whose own fraction is 0, whatever round_to says', () => {
    const odd = sequential([1], [dense('a', 5), dense('b', 8), dense('out', 1)]);
    // 5 + 5·8 + 8 = 53; b at 4 is 29.
    expect(plan(odd, {}, { macs: 29, round_to: 4, overrides: { a: { sparsity: 0 } } }).kept).toMatchObject({ a: 5, b: 4 });
  });

  it('cuts a whole group where one of its layers has a fraction of its own', () => {
    const config = functional((net) => {
      const x = net.input('x', [2, 2, 1]);
      const a = net.call(conv2d('a', 4, 1), x);
      const b = net.call(conv2d('b', 4, 1), x);
      return net.call(dense('out', 1), net.call(layer('Add', 'sum'), a, b));
    });
    expect(plan(config, {}, { macs: 1000, overrides: { b: { sparsity: 0.5 } } }).kept).toMatchObject({ 'a+b': 2 });
  });
});

describe('selectableGroups', () => {
  const map = channelMap(
    documentOf(
      functional((net) => {
        const x = net.input('x', [4]);
        const a = net.call(dense('a', 3), x);
        const b = net.call(dense('b', 3), a);
        return net.call(dense('out', 1), net.call(dense('c', 2), net.call(layer('Add', 'sum'), a, b)));
      }),
    ).graph,
  );
  const chosen = (selection: { include?: string[]; exclude: string[] }) =>
    selectableGroups(map, selection).map(({ layers }) => layers.join('+'));

  it('leave out what is frozen', () => expect(chosen({ exclude: [] })).toEqual(['a+b', 'c']));
  it('leave out a group of which one layer is excluded', () => expect(chosen({ exclude: ['b'] })).toEqual(['c']));
  it('take a group of which one layer is included', () => expect(chosen({ include: ['b'], exclude: [] })).toEqual(['a+b']));
});

describe('mostRemovable', () => {
  const group = (count: number) => ({ key: 'group', layers: ['a'], units: new Int32Array(count), kind: 'channels' as const, frozen: null });
  it.each([
    [10, { round_to: 1, min_channels: 1, max_ratio: 0.9 }, 9],
    [10, { round_to: 1, min_channels: 1, max_ratio: 0.7 }, 7],
    [10, { round_to: 1, min_channels: 4, max_ratio: 0.9 }, 6],
    [10, { round_to: 4, min_channels: 1, max_ratio: 0.9 }, 6],
    [10, { round_to: 4, min_channels: 5, max_ratio: 0.9 }, 2],
    [10, { round_to: 16, min_channels: 1, max_ratio: 0.9 }, 0],
    [3, { round_to: 1, min_channels: 8, max_ratio: 0.9 }, 0],
    [1, { round_to: 1, min_channels: 1, max_ratio: 1 }, 0],
  ])('of %s units under %j is %s', (count, options, most) => expect(mostRemovable(group(count), { ...options, of: count })).toBe(most));
});

describe('any plan for any small network', () => {
  const options = fc.record({
    scope: fc.constantFrom('layer' as const, 'global' as const),
    round_to: fc.constantFrom(1, 1, 2, 3),
    min_channels: fc.constantFrom(1, 1, 2),
    max_ratio: fc.constantFrom(0.5, 0.9, 1),
  });

  it('meets its target or is refused, keeps its limits, costs what the smaller model costs, and puts back what fits', () => {
    fc.assert(
      fc.property(randomGraph, fc.integer(), fc.double({ min: 0.05, max: 1, noNaN: true }), options, (random, seed, ratio, limits) => {
        const document = documentOf(configOf(random), () => 1);
        const map = channelMap(document.graph);
        const groups = selectableGroups(map, all);
        const { uniform } = generator(seed);
        const scores = Float64Array.from({ length: map.unitCount }, () => Math.floor(uniform() * 20));
        const macs = ratio * totalMacs(document.graph);
        const asked = { ...limits, measure: macsMeasure(map), limit: macs, overrides: {} };
        if (macsMeasure(map).of(furthestCut(map, groups, asked)) > macs) {
          expect(() => allocate(map, groups, scores, asked)).toThrow(/asked for/);
          return;
        }
        const removed = allocate(map, groups, scores, asked);
        const smaller = removeUnits(document, map, removed);
        expect(totalMacs(smaller.graph)).toBe(macsWithout(map, removed));
        expect(totalMacs(smaller.graph)).toBeLessThanOrEqual(macs);
        for (const group of groups) {
          const gone = [...group.units].filter((unit) => removed[unit]);
          const left = [...group.units].filter((unit) => !removed[unit]);
          expect(gone.length).toBeLessThanOrEqual(mostRemovable(group, limitsOf(group, asked)));
          if (gone.length === 0) continue;
          expect(left.length % asked.round_to).toBe(0);
          const highest = Math.max(...gone.map((unit) => scores[unit]!));
          expect(highest).toBeLessThanOrEqual(Math.min(...left.map((unit) => scores[unit]!)));
          if (limits.scope === 'layer') continue;
          // The group's last step back would break the target.
          const step = Math.min(asked.round_to, gone.length);
          const back = removed.slice();
          for (const unit of gone.sort((a, b) => scores[b]! - scores[a]! || b - a).slice(0, step)) back[unit] = 0;
          if ((left.length + step) % asked.round_to === 0) expect(macsWithout(map, back)).toBeGreaterThan(macs);
        }
        for (const unit of map.groups.filter((group) => !groups.includes(group)).flatMap(({ units }) => [...units]))
          expect(removed[unit]).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
