/** What a running job says of itself: the engine's frames carry it, and the API shows it, in this form. */
import Type, { type Static } from 'typebox';
import { choice, nullable, strictObject } from '../schema.ts';

export const Progress = strictObject(
  {
    phase: choice([
      'loading',
      'scoring',
      'pruning',
      'training',
      'packing',
      'evaluating',
      'measuring',
      'exporting',
      'verifying',
      'comparing',
      'done',
    ]),
    step: Type.Integer({ minimum: 0 }),
    total_steps: Type.Integer({ minimum: 0 }),
    fraction: Type.Number({ minimum: 0, maximum: 1 }),
    eta_s: nullable(strictObject({ low: Type.Number({ minimum: 0 }), high: Type.Number({ minimum: 0 }) })),
  },
  { description: 'Where the newest attempt stands. `eta_s` is a range of seconds, or null while there is nothing to tell it from.' },
);
export type Progress = Static<typeof Progress>;

/** Values by name; null where one is not finite. */
export const Metrics = Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]), {
  description: 'The newest values by name: loss, learning_rate, gradient_norm, val_accuracy, ... null where a value is not finite.',
});
export type Metrics = Static<typeof Metrics>;

/**
 * The series of a job: `step` has a row every training step, `epoch` after each evaluation, `prune` after each cut, `layer` (norms of each weight) every
 * so many steps.
 */
export const SERIES = ['step', 'epoch', 'prune', 'layer'] as const;
export type Series = (typeof SERIES)[number];

/** What a heartbeat carries, as the worker writes it into the ledger. */
export type HeartbeatProgress = Progress & { metrics: Metrics };
