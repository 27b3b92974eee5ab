import type { ProblemCode } from '../errors.ts';
import type { EngineFrame } from './frames.ts';

/** Why a worker has nothing more to say about an attempt. */
export type Loss =
  /** Somebody else has the job: whatever this attempt made is dropped. */
  | { kind: 'fenced' }
  /** The ledger or the blobs took no records for too long. */
  | { kind: 'unrecorded'; detail: string };

/** How an attempt's engine came to its end. */
export type Outcome =
  | Extract<EngineFrame, { kind: 'finished' }>
  | { kind: 'cancelled' }
  /** For a pause: the checkpoint it goes on from is recorded. */
  | { kind: 'paused' }
  | { kind: 'failed'; code: ProblemCode; detail: string }
  | { kind: 'engine_lost'; detail: string }
  | { kind: 'worker_stopped' }
  | Loss;
