import Type, { type Static } from 'typebox';
import { defaulted, strictObject } from '../../../schema.ts';

const LayerOverride = strictObject(
  {
    sparsity: Type.Optional(
      Type.Number({
        minimum: 0,
        exclusiveMaximum: 1,
        description: "This layer's own fraction: of zeros, or with channels of removed units.",
      }),
    ),
    min_channels: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_536, description: 'With channels: units that the layer keeps.' })),
    max_ratio: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'With channels: the largest fraction of its units that may go.' }),
    ),
    round_to: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1024, description: 'With channels: the number kept is a multiple of this.' }),
    ),
  },
  { description: 'Of layers whose units go together the strictest counts.' },
);
export type LayerOverride = Static<typeof LayerOverride>;

const NAMES = 'Names, or patterns in which * stands for any characters.';

export const LayerSelection = strictObject(
  {
    include: Type.Optional(
      Type.Array(Type.String(), {
        description: `Only these layers are pruned. Left out: every layer that can be. ${NAMES}`,
        maxItems: 10_000,
      }),
    ),
    exclude: defaulted(Type.Array(Type.String(), { maxItems: 10_000, description: NAMES }), []),
    overrides: defaulted(
      Type.Record(Type.String(), LayerOverride, {
        description: `By name or pattern. Of several that fit a layer, its name counts before patterns, and these in the order in which they stand.`,
      }),
      {},
    ),
  },
  { description: 'Which layers are pruned and how far. What is stored names each layer: patterns are replaced by what they fit.' },
);
export type LayerSelection = Static<typeof LayerSelection>;
