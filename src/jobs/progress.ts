/** What a running job says of itself: the engine's frames carry it, and the API shows it, in this form. */
import Type, { type Static } from 'typebox';
import { choice, nullable, strictObject } from '../schema.ts';

export const Progress = strictObject(
  {
    phase: choice(['loading', 'scoring', 'pruning', 'training', 'evaluating', 'measuring', 'exporting', 'verifying', 'done']),
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

export const SERIES = ['step', 'epoch', 'prune', 'layer'] as const;
export type Series = (typeof SERIES)[number];

/**
 * One row of a job's series: `step` rows every training step, `epoch` rows after each evaluation, `prune` rows after each cut, `layer` rows (norms of
 * each weight) every so many steps.
 */
export const SeriesRow = strictObject({ series: choice([...SERIES]), step: Type.Integer({ minimum: 0 }), values: Metrics });
export type SeriesRow = Static<typeof SeriesRow>;

/** Rows of one series that have the same columns, as they travel and are stored. */
export interface SeriesChunk {
  series: Series;
  /** Names of the values. */
  columns: string[];
  rows: number;
  /**
   * [2 + columns, rows] float64, column after column: the rows' numbers within the attempt, which count over all its series; their steps; then the
   * values, not finite where there is none.
   */
  data: Float64Array<ArrayBuffer>;
}

/** What a heartbeat carries, as the worker writes it into the ledger. */
export type HeartbeatProgress = Progress & { metrics: Metrics };
