/** Cuts of units inside layers, and through layers that mix channels: proved, and refuted where one index is wrong. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proveRemoval } from '../../src/engine/proof.ts';
import { totalMacs } from '../../src/model/costs.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { macsWithout, parametersWithout, removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import { drawn, tensorOf } from '../helpers/engine.ts';
import { HAZARDS, hazardDocument } from '../helpers/hazards.ts';

describe.each(Object.entries(HAZARDS))('a cut of %s', (_name, hazard) => {
  const { units = ['channels'], changed = false, alike = [] } = hazard;
  const original = hazardDocument(hazard, 9);
  const map = channelMap(original.graph);
  const free = map.groups.filter((group) => group.frozen === null && group.units.length > 1);
  const cutBy = (seed: number, ratio: number): Uint8Array => {
    const { uniform } = generator(seed);
    const removed = new Uint8Array(map.unitCount);
    for (const group of free)
      group.units.subarray(group.units.length > 2 ? 2 : 1).forEach((unit, index) => {
        removed[unit] = index === 0 || uniform() < ratio ? 1 : 0;
      });
    return removed;
  };
  const probes = () =>
    original.graph.inputs.map(({ shape }, index) => {
      const x = drawn([12, ...(shape as number[])], `probes ${index}`);
      return tensorOf(
        original.graph.inputs[index]!.name.startsWith('ids')
          ? { ...x, data: x.data.map((value) => Math.abs(Math.round(value * 3)) % 7) }
          : x,
      );
    });

  it('finds the units that may go', () => {
    expect([...new Set(free.map(({ kind }) => kind))].sort()).toEqual([...units].sort());
  });

  it('is proved at any ratio, and leaves what was counted', () => {
    const inputs = probes();
    try {
      fc.assert(
        fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, ratio) => {
          const removed = cutBy(seed, ratio);
          const smaller = removeUnits(original, map, removed);
          expect(totalMacs(smaller.graph)).toBe(macsWithout(map, removed));
          expect([...smaller.weights.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(parametersWithout(map, removed));
          const proof = proveRemoval(original, smaller, map, removed, inputs);
          expect(proof).toMatchObject({ holds: true, vacuous: false, function_changed: changed });
        }),
        { numRuns: 4 },
      );
    } finally {
      for (const input of inputs) input.dispose();
    }
  });

  it('with one wrong index is refuted, whichever axis of whichever weight has it', () => {
    const inputs = probes();
    try {
      const held: string[] = [];
      for (const group of free) {
        const [other, gone] = [group.units[0]!, group.units[1]!];
        const removed = new Uint8Array(map.unitCount);
        removed[gone] = 1;
        for (const [key, bindings] of map.bindings) {
          for (const [at, { axis, units }] of bindings.entries()) {
            const count = (wanted: number): number => units.reduce((sum, unit) => sum + (unit === wanted ? 1 : 0), 0);
            if (count(gone) === 0 || count(gone) !== count(other)) continue;
            // Surgery that takes another unit along this axis alone.
            const swapped = units.map((unit) => (unit === gone ? other : unit === other ? gone : unit));
            const wrong = new Map([...map.bindings, [key, bindings.with(at, { axis, units: swapped })]]);
            const planted = removeUnits(original, { ...map, bindings: wrong }, removed);
            if (proveRemoval(original, planted, map, removed, inputs).holds) held.push(`${group.kind} ${key} ${axis}`);
          }
        }
      }
      expect(held).toEqual(alike);
    } finally {
      for (const input of inputs) input.dispose();
    }
  });
});
