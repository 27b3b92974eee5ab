/** What a job says while it runs: progress a few times a second, series in batches, checkpoints, warnings. */
import type { EngineFrame, Metrics, Progress, SeriesRow } from '../worker/frames.ts';

const PROGRESS_EVERY_MS = 250;
const ROWS_PER_FRAME = 500;

export class Reporter {
  private readonly emit: (frame: EngineFrame) => void;
  private readonly totalSteps: number;
  private rows: SeriesRow[] = [];
  private metrics: Metrics = {};
  private phase: Progress['phase'] = 'loading';
  private step = 0;
  private lastSent = Number.NEGATIVE_INFINITY;
  /** Durations of recent steps in milliseconds, for the estimate. */
  private readonly durations: number[] = [];
  private readonly warned = new Set<string>();

  constructor(emit: (frame: EngineFrame) => void, totalSteps: number) {
    this.emit = emit;
    this.totalSteps = totalSteps;
  }

  /** Enters a phase; sent at once. */
  enter(phase: Progress['phase'], step = this.step): void {
    this.phase = phase;
    this.step = step;
    this.send();
  }

  /** A training step has ended. */
  stepped(step: number, durationMs: number): void {
    this.step = step;
    this.durations.push(durationMs);
    if (this.durations.length > 256) this.durations.shift();
    if (performance.now() - this.lastSent >= PROGRESS_EVERY_MS) this.send();
  }

  /** A row of a series; its values are the newest metrics as well. */
  row(series: SeriesRow['series'], step: number, values: Record<string, number | null>): void {
    const finite = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value !== null && Number.isFinite(value) ? value : null]),
    );
    this.rows.push({ series, step, values: finite });
    Object.assign(this.metrics, finite);
    if (this.rows.length >= ROWS_PER_FRAME) this.flush();
  }

  /** Sends the rows that are waiting. */
  flush(): void {
    if (this.rows.length === 0) return;
    this.emit({ kind: 'series', rows: this.rows });
    this.rows = [];
  }

  /** A checkpoint file is whole. Rows before it are sent first, so that a resume finds all of them. */
  checkpoint(step: number, path: string): void {
    this.flush();
    this.emit({ kind: 'checkpoint', step, path });
  }

  /** The first engine step is about to be computed. */
  started(resumedFromStep: number | null): void {
    this.emit({ kind: 'started', resumed_from_step: resumedFromStep });
  }

  /** Once a text. */
  warn(code: string, detail: string): void {
    if (this.warned.has(code + detail)) return;
    this.warned.add(code + detail);
    this.emit({ kind: 'warning', warning: { code, detail } });
  }

  private send(): void {
    this.lastSent = performance.now();
    this.flush();
    this.emit({
      kind: 'progress',
      progress: {
        phase: this.phase,
        step: this.step,
        total_steps: this.totalSteps,
        fraction: this.totalSteps === 0 ? (this.phase === 'done' ? 1 : 0) : Math.min(1, this.step / this.totalSteps),
        eta_s: this.eta(),
      },
      metrics: { ...this.metrics },
    });
  }

  /** Seconds of training left: the steps left times the mean duration, give or take two standard errors and what steps vary by. */
  private eta(): Progress['eta_s'] {
    if (this.durations.length < 8 || this.phase !== 'training') return null;
    const sorted = [...this.durations].sort((a, b) => a - b);
    const left = (this.totalSteps - this.step) / 1000;
    const at = (quantile: number): number => sorted[Math.floor(quantile * (sorted.length - 1))]!;
    return { low: left * at(0.25), high: left * at(0.75) };
  }
}
