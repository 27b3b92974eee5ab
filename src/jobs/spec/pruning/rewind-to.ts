import Type from 'typebox';
import { ModelId } from '../model-id.ts';

/** What survivors go back to: a model of the same weights, or this job's own training after so many steps. */
export const RewindTo = Type.Unsafe<{ model_id: string } | { step: number }>({
  type: 'object',
  description:
    'One of the two. model_id: a model whose layers have the same weights, as one that was kept early in the training of the uploaded one. step: what this job trains before its first cut, after so many steps; 0 is the uploaded model.',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: { model_id: ModelId, step: { type: 'integer', minimum: 0, maximum: 100_000_000 } },
});
