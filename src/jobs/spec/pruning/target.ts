import Type from 'typebox';

/** What a target can count. */
export const MEASURES = ['sparsity', 'parameters', 'macs', 'bytes', 'latency'] as const;
export type MeasureName = (typeof MEASURES)[number];

const fraction = (description: string) => ({ type: 'number', exclusiveMinimum: 0, maximum: 1, description });

export const Target = Type.Unsafe<
  { sparsity: number } | { parameters: number } | { macs: number } | { bytes: number } | { latency: number }
>({
  type: 'object',
  description:
    'How small the model is to become. One measure: sparsity is a fraction of zeros, the others are the fraction of the original that is kept.',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: {
    sparsity: {
      type: 'number',
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'The fraction of zeros among the weights that may be pruned. Unstructured only.',
    },
    parameters: fraction(
      'The fraction of the weights that is kept: of channels those that are there, of single weights those that are not zero.',
    ),
    macs: fraction('The fraction of the multiply-accumulates that is kept. Channels only: no runtime skips zeros.'),
    bytes: fraction(
      'The fraction kept of the bytes of the .keras file as the service writes it, deflated and without the state of an optimizer.',
    ),
    latency: fraction(
      "The fraction kept of the time of a forward pass of evaluation.latency_batch_size samples, measured on the worker's own device in turn with the original. Channels only.",
    ),
  },
});
export type Target = { [Name in MeasureName]: { [Key in Name]: number } }[MeasureName];

/** A target as its measure's name and the number asked for. */
export function measureOf(target: Target): { measure: MeasureName; value: number } {
  const measure = MEASURES.find((name) => name in target)!;
  return { measure, value: (target as Record<MeasureName, number>)[measure] };
}
