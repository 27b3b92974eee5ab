import Type, { type Static } from 'typebox';
import { defaulted, strictObject } from '../../../schema.ts';

const LayerOverride = strictObject({
  sparsity: Type.Optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: "This layer's own fraction: of zeros, or with channels of removed units.",
    }),
  ),
});

export const LayerSelection = strictObject({
  include: Type.Optional(
    Type.Array(Type.String(), { description: 'Only these layers are pruned. Left out: every layer that can be.', maxItems: 10_000 }),
  ),
  exclude: defaulted(Type.Array(Type.String(), { maxItems: 10_000 }), []),
  overrides: defaulted(Type.Record(Type.String(), LayerOverride), {}),
});
export type LayerSelection = Static<typeof LayerSelection>;
