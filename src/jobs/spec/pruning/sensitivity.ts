/** What a model's groups were measured to bear: made by an engine, kept with the model. */
import Type, { type Static } from 'typebox';
import { strictObject } from '../../../schema.ts';

/** Of one group of units (`name` its key), or one kernel (its key). */
export const Sensitivity = strictObject({
  name: Type.String(),
  layers: Type.Array(Type.String()),
  /** Ascending in `removed`, a fraction of its units or weights; `rise` of the mean loss over that of the whole model, which may be negative. */
  levels: Type.Array(strictObject({ removed: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), rise: Type.Number() })),
});
export type Sensitivity = Static<typeof Sensitivity>;

export const Sensitivities = strictObject({
  /** Of the whole model, on the same samples. */
  loss: Type.Number(),
  groups: Type.Array(Sensitivity),
});
export type Sensitivities = Static<typeof Sensitivities>;
