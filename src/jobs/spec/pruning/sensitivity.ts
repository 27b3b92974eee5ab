/** What a model's groups were measured to bear: made by an engine, kept with the model. */
import Type, { type Static } from 'typebox';
import { nullable, strictObject } from '../../../schema.ts';
import type { Structure } from './structure.ts';
import { isAccuracyTarget, type Target } from './target.ts';

/** Of one group of units (`name` its key), or one kernel (its key). */
export const Sensitivity = strictObject({
  name: Type.String(),
  layers: Type.Array(Type.String()),
  /** Of its units or weights. */
  count: Type.Integer({ minimum: 1 }),
  /**
   * Ascending in `removed`, the fraction of them that is gone; `rise` of the mean loss over that of the whole model, which may be negative; `accuracy` of what
   * is left, null where the model decides nothing.
   */
  levels: Type.Array(
    strictObject({
      removed: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
      rise: Type.Number(),
      accuracy: nullable(Type.Number()),
    }),
  ),
});
export type Sensitivity = Static<typeof Sensitivity>;

export const Sensitivities = strictObject({
  /** Of the whole model, on the same samples. */
  loss: Type.Number(),
  accuracy: nullable(Type.Number()),
  groups: Type.Array(Sensitivity),
});
export type Sensitivities = Static<typeof Sensitivities>;

/** Structures whose cuts are measured: `channels` by dependency group, `unstructured` by kernel. */
export const TRIED_STRUCTURES = ['channels', 'unstructured'] as const;
export type TriedStructure = (typeof TRIED_STRUCTURES)[number];

export const SensitivitiesByStructure = strictObject({
  channels: Type.Optional(Sensitivities),
  unstructured: Type.Optional(Sensitivities),
} satisfies Record<TriedStructure, unknown>);
export type SensitivitiesByStructure = Static<typeof SensitivitiesByStructure>;

/** Of which structure's cuts a job of pruning goes by the sensitivity, where it does; others of a target of accuracy are refused with the POST. */
export function guidingStructure({ target, structure: { type } }: { target: Target; structure: Structure }): TriedStructure | null {
  return isAccuracyTarget(target) ? (TRIED_STRUCTURES.find((tried) => tried === type) ?? null) : null;
}
