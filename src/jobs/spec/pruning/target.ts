import Type from 'typebox';
import { choice } from '../../../schema.ts';
import { Search } from './search.ts';

/** What a target can count. */
export const MEASURES = ['sparsity', 'parameters', 'macs', 'bytes', 'latency'] as const;
export type MeasureName = (typeof MEASURES)[number];

/** What a target can be, one of them a job. */
export const TARGETS = [...MEASURES, 'max_accuracy_drop'] as const;

/** What the cuts of an accuracy target can be compared by. */
export const WALKED = ['macs', 'parameters', 'sparsity'] as const;
export type WalkedMeasure = (typeof WALKED)[number];

/** A size that the model is to have. */
export type CountedTarget = { [Name in MeasureName]: { [Key in Name]: number } & { search?: Search } }[MeasureName];

/** Accuracy that the model may lose; how small it can become within that is searched for. The stored job has every field. */
export interface AccuracyTarget {
  max_accuracy_drop: number;
  measure?: WalkedMeasure;
  trials?: number;
  trial_epochs?: number;
}

export type Target = CountedTarget | AccuracyTarget;

const fraction = (description: string) => ({ type: 'number', exclusiveMinimum: 0, maximum: 1, description });

export const Target = Type.Unsafe<Target>({
  type: 'object',
  description:
    'How small the model is to become: one measure, or max_accuracy_drop. sparsity is a fraction of zeros, the other measures are the fraction of the original that is kept.',
  minProperties: 1,
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
      "The fraction kept of the time of a forward pass of evaluation.latency_batch_size samples, measured on the worker's own device in turn with the original. Channels go by score for a millisecond of layers that were timed alone. channels, depth, low_rank.",
    ),
    search: Search,
    max_accuracy_drop: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description:
        'How much accuracy may go, 0.01 is a point: the furthest cut is searched for of which the one-sided 95 % bound of the loss of accuracy, paired on the selection split, is no larger; of an original that gets nothing right there it is 1. Every trial that no other beats in size and accuracy is kept as a model. Channels and unstructured, one_shot.',
    },
    measure: choice([...WALKED], {
      description:
        'With max_accuracy_drop: what trials are cut to fractions of. Left out: macs with channels, else sparsity. The stored job names it.',
    }),
    trials: {
      type: 'integer',
      minimum: 1,
      maximum: 20,
      description: 'With max_accuracy_drop: how many cuts are tried at the most. Left out: 6.',
    },
    trial_epochs: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      description:
        'With max_accuracy_drop: epochs of fine_tuning behind the cut of every trial. Left out: 1, or 0 where fine_tuning has none. Where fine_tuning has more, the best trial is trained once more with all of them.',
    },
  },
});

export function isAccuracyTarget(target: Target): target is AccuracyTarget {
  return 'max_accuracy_drop' in target;
}

/** A target as its measure's name and the number asked for. An accuracy target has none: its trials have. */
export function measureOf(target: Target): { measure: MeasureName; value: number } {
  const measure = MEASURES.find((name) => name in target);
  if (!measure) throw new Error(`A target that counts nothing was let through: ${JSON.stringify(target)}`);
  return { measure, value: (target as Record<MeasureName, number>)[measure] };
}
