/** Reader weights that make up for removed units. */
import { type ModelDocument, type Weight, withWeights } from '../model/document.ts';
import type { Contributions } from './criteria/contributions.ts';
import { rescaling } from './criteria/reconstruction.ts';
import { type ChannelMap, unitOfElement } from './groups.ts';
import { readers } from './readers.ts';
import type { Removed } from './surgery.ts';

/** The document whose readers multiply what they read of each unit that is kept by its least-squares factor; still with all units. */
export function rescaled(document: ModelDocument, map: ChannelMap, contributions: Contributions, removed: Removed): ModelDocument {
  const changed = new Map<string, Weight>();
  const all = readers(map);
  for (const [group, found] of contributions) {
    const kept = Uint8Array.from(group.units, (unit) => (removed[unit] ? 0 : 1));
    if (!kept.includes(0)) continue;
    for (const contribution of found) {
      const factors = rescaling(contribution, kept);
      const factorOf = new Map(Array.from(group.units, (unit, index) => [unit, factors[index]!]));
      const { shape, data } = changed.get(contribution.key) ?? document.weights.get(contribution.key)!;
      const unitOf = unitOfElement(shape, all.find(({ kernel }) => kernel.key === contribution.key)!);
      const scaled = data.map((value, at) => value * (factorOf.get(unitOf(at)) ?? 1));
      changed.set(contribution.key, { shape, data: scaled });
    }
  }
  return withWeights(document, new Map([...document.weights, ...changed]));
}
