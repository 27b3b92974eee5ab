import type { Logger } from 'pino';
import type { JobRow, ModelRow } from '../ledger/ledger.ts';
import type { Span } from '../tracing/tracing.ts';
import type { Metrics, Progress } from './frames.ts';
import type { Outcome } from './outcome.ts';
import type { Pulse } from './pulse.ts';
import type { Records } from './records.ts';
import type { Verified } from './verification.ts';

/** One attempt at a job, from its claim to its conclusion. */
export interface Attempt {
  job: JobRow;
  n: number;
  /** The folder its engine writes in. */
  folder: string;
  records: Records;
  pulse: Pulse;
  /** Aborted with a Loss. */
  lost: AbortSignal;
  log: Logger;
  /** From the claim to the conclusion. */
  span: Span;
  /** What the engine said last; the heartbeat carries it to the ledger. */
  said: { progress: Progress; metrics: Metrics } | null;
}

type Finished = Extract<Outcome, { kind: 'finished' }>;

/** How an attempt ended; where its engine finished, with the model it started from and what was verified. */
export type Ending = Exclude<Outcome, Finished> | (Finished & { parent: ModelRow; verified: Verified[] });
