import type { Logger } from 'pino';
import type { Blobs } from '../blobs/blobs.ts';
import type { Config } from '../config.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ModelFacts } from '../model/facts.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { EngineReady } from './engine-process.ts';
import type { Scratch } from './scratch.ts';
import type { WarmEngines } from './warm-engines.ts';

/** What all attempts of one worker share. */
export interface WorkerParts {
  id: string;
  ledger: Ledger;
  blobs: Blobs;
  engines: WarmEngines;
  /** What the worker's first engine said of itself; others may have fewer threads. */
  facts: EngineReady;
  scratch: Scratch;
  config: Config;
  /** The worker's own environment. */
  environment: Readonly<Record<string, string | undefined>>;
  log: Logger;
  tracing: Tracing;
  /** Reads what is known of a model file without running it. Throws Problem. */
  inspectModel: (path: string) => Promise<ModelFacts>;
  /** Tells the dispatcher that a job is back in the queue; it would see that within a second. */
  nudgeDispatcher: () => void;
  /** Aborted when the worker is to stop. */
  stopping: AbortSignal;
  cancelGraceMs: number;
}
