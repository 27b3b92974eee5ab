import type { Span } from '../tracing/tracing.ts';
import type { Progress } from './frames.ts';

/** Spans of an engine's phases, from what it says of its progress. */
export interface PhaseSpans {
  said(progress: Progress): void;
  /** The last phase is over. */
  end(): void;
}

/** A phase that comes again, such as training after a cut, is another span. */
export function phaseSpans(attempt: Span): PhaseSpans {
  let phase: Progress['phase'] | null = null;
  let span: Span | null = null;
  return {
    said(progress) {
      if (progress.phase !== phase) {
        span?.end();
        phase = progress.phase;
        span = attempt.child(`engine ${phase}`);
      }
      span?.set({ 'espalier.step': progress.step });
    },
    end() {
      span?.end();
      span = null;
    },
  };
}
