import Type, { type Static } from 'typebox';

export const Target = Type.Unsafe<{ sparsity: number } | { macs: number }>({
  type: 'object',
  description:
    'sparsity: the fraction of zeros among the weights that may be pruned. macs: the fraction of multiply-accumulates that is kept.',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    sparsity: { type: 'number', minimum: 0, exclusiveMaximum: 1 },
    macs: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  },
});
export type Target = Static<typeof Target>;
