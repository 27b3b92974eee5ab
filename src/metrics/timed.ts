/** The ledger and the blobs with the time that their calls take. */
import type { Blobs } from '../blobs/blobs.ts';
import { Problem } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { CounterName, HistogramName } from './catalogue.ts';
import type { Metrics } from './registry.ts';

type Call = (...values: unknown[]) => Promise<unknown>;

/** The ledger, whose calls are measured. */
export function timedLedger(ledger: Ledger, metrics: Metrics): Ledger {
  const timed = timer(metrics, 'espalier_ledger_call_duration_seconds', 'espalier_ledger_call_failures_total');
  const wrap = (inner: Ledger): Ledger => ({
    ...timed(inner, ['by', 'close', 'migrate', 'version']),
    by: (actor) => wrap(inner.by(actor)),
  });
  return wrap(ledger);
}

/** The blobs, whose calls are measured; a listing, which goes on for as long as somebody reads it, is not. */
export function timedBlobs(blobs: Blobs, metrics: Metrics): Blobs {
  return timer(metrics, 'espalier_blob_call_duration_seconds', 'espalier_blob_call_failures_total')(blobs, ['list', 'close']);
}

function timer(metrics: Metrics, duration: HistogramName, failures: CounterName) {
  const seconds = metrics.histogram(duration);
  const failed = metrics.counter(failures);

  function timedCall(call: string, method: Call): Call {
    return async (...values) => {
      const began = performance.now();
      try {
        return await method(...values);
      } catch (error) {
        if (isFailure(error)) failed.inc({ call });
        throw error;
      } finally {
        seconds.observe({ call }, (performance.now() - began) / 1000);
      }
    };
  }

  return <Port extends object>(port: Port, untimed: readonly (keyof Port & string)[]): Port =>
    Object.fromEntries(
      Object.entries(port).map(([name, method]) => [
        name,
        (untimed as readonly string[]).includes(name) ? method : timedCall(name, method as Call),
      ]),
    ) as Port;
}

/** What a port says to whoever asked for the wrong thing is an answer. */
function isFailure(error: unknown): boolean {
  return !(error instanceof Problem) || error.code === 'STORAGE_FULL' || error.code === 'UNAVAILABLE';
}
