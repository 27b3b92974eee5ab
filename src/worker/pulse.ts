import type { Logger } from 'pino';
import type { JobStatus, Ledger } from '../ledger/ledger.ts';
import type { Loss } from './outcome.ts';

const EVERY_MS = 1_000;
/** Heartbeats that may fail one after the other before the attempt is given up. */
const FAILURES = 60;

/** The heartbeat of an attempt: tells the ledger each second that it lives, and tells the attempt what the ledger answers. */
export interface Pulse {
  /** Aborted once the job is being cancelled. */
  readonly cancelling: AbortSignal;
  /** Aborted once the job was seen being paused; a resume that comes before the engine has stopped does not take it back. */
  readonly pausing: AbortSignal;
  /** Milliseconds of engine time of this attempt so far. */
  engineMs(): number;
  stop(): void;
}

export function startPulse(options: {
  ledger: Ledger;
  log: Logger;
  jobId: string;
  attempt: number;
  progress: () => Record<string, unknown> | null;
  onLoss: (loss: Loss) => void;
}): Pulse {
  const { ledger, log, jobId, attempt } = options;
  const begun = performance.now();
  const engineMs = () => Math.round(performance.now() - begun);
  const cancelling = new AbortController();
  const pausing = new AbortController();
  let failures = 0;
  let waiting = false;
  let stopped = false;

  const beat = async () => {
    if (waiting || stopped) return;
    waiting = true;
    try {
      const status = await ledger.heartbeat(jobId, attempt, { progress: options.progress(), engine_ms: engineMs() });
      failures = 0;
      if (!stopped) obey(status);
    } catch (error) {
      failures += 1;
      log.warn({ err: error, failures }, 'Heartbeat was not recorded');
      if (failures >= FAILURES) options.onLoss({ kind: 'unrecorded', detail: `the ledger took no heartbeat for ${FAILURES} s` });
    } finally {
      waiting = false;
    }
  };
  const obey = (status: JobStatus | null) => {
    if (status === null) options.onLoss({ kind: 'fenced' });
    else if (status === 'cancelling') cancelling.abort();
    else if (status === 'pausing') pausing.abort();
  };
  const timer = setInterval(beat, EVERY_MS);
  return {
    cancelling: cancelling.signal,
    pausing: pausing.signal,
    engineMs,
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
