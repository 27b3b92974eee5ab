/** What a job says while it runs: progress a few times a second, series in batches, checkpoints, warnings. */
import { renameSync } from 'node:fs';
import type { EngineFrame, Metrics, Progress, SeriesChunk } from '../worker/frames.ts';
import { type Plan, RemainingTime } from './eta.ts';
import { SeriesBuffer } from './series-buffer.ts';

const PROGRESS_EVERY_MS = 250;

/** What every training step measures: the columns of the series `step`. What is not finite is kept as such and shown as null. */
export interface StepMeasures {
  /** The batch's mean loss, weight decay left out. */
  loss: number;
  learning_rate: number;
  /** Global norm of the gradients before clipping, masked weights left out. */
  gradient_norm: number;
  /** The same after clipping. */
  clipped_norm: number;
  /** The threshold in force; null where the rule has none. */
  clipping_threshold: number | null;
  /** The fraction, 0 to 1, that was clipped of what the rule looks at: the step, its tensors, its units or its elements. */
  clipped: number;
  /** Norm of the update over norm of the weights; null at a step where it was not measured. */
  update_ratio: number | null;
  /** Steps of the job so far that changed nothing because a gradient was not finite. */
  skipped_steps: number;
  /** Gradient elements of this step that are not finite. */
  non_finite: number;
}

const STEP_COLUMNS = [
  'loss',
  'learning_rate',
  'gradient_norm',
  'clipped_norm',
  'clipping_threshold',
  'clipped',
  'update_ratio',
  'skipped_steps',
  'non_finite',
] as const satisfies (keyof StepMeasures)[];

/** What is measured of each trainable weight: one value a weight, in the order in which the weights were declared. NaN where one was not measured. */
export interface LayerMeasures {
  /** Norm of the gradient before clipping, masked elements left out. */
  gradient_norm: ArrayLike<number>;
  /** The same after clipping. */
  clipped_norm: ArrayLike<number>;
  weight_norm: ArrayLike<number>;
  /** Norm of the update over `weight_norm`. */
  update_ratio: ArrayLike<number>;
}

const LAYER_MEASURES = ['gradient_norm', 'clipped_norm', 'weight_norm', 'update_ratio'] as const satisfies (keyof LayerMeasures)[];

export class Reporter {
  private readonly emit: (frame: EngineFrame) => void;
  private readonly totalSteps: number;
  /** By series and names of columns. */
  private readonly buffers = new Map<string, SeriesBuffer>();
  private steps: SeriesBuffer | null = null;
  private layerValues: SeriesBuffer | null = null;
  private layerCount = 0;
  /** Rows of this attempt so far, whatever their series. */
  private rows = 0;
  private checkpoints = 0;
  private metrics: Metrics = {};
  private phase: Progress['phase'] = 'loading';
  private phaseBegan = performance.now();
  private readonly spent = new Map<Progress['phase'], number>();
  private stepsDone = 0;
  /** Steps of the job before those that callers count. */
  private before = 0;
  private lastSent = Number.NEGATIVE_INFINITY;
  private readonly remaining = new RemainingTime();
  private readonly warned = new Set<string>();

  constructor(emit: (frame: EngineFrame) => void, totalSteps: number) {
    this.emit = emit;
    this.totalSteps = totalSteps;
  }

  /** Enters a phase; sent at once. */
  enter(phase: Progress['phase'], step = this.stepsDone - this.before): void {
    // Behind a cut the network is smaller, and behind a packing its steps are others.
    if (['pruning', 'packing'].includes(this.phase) && phase !== this.phase) this.remaining.restart();
    this.spend();
    this.phase = phase;
    this.stepsDone = this.before + step;
    this.send();
  }

  /** Seconds of this attempt so far, by phase, in the order in which the phases were first entered. */
  seconds(): Record<string, number> {
    this.spend();
    return Object.fromEntries(this.spent);
  }

  private spend(): void {
    const now = performance.now();
    this.spent.set(this.phase, (this.spent.get(this.phase) ?? 0) + (now - this.phaseBegan) / 1000);
    this.phaseBegan = now;
  }

  /** So many steps of the job lie before the training that is reported from now on, which counts its own from 0. */
  startAt(before: number): void {
    // Another training, whose steps take a time of their own.
    this.remaining.restart();
    this.before = before;
    this.stepsDone = before;
  }

  /** What comes besides the steps, for the estimate of the time that is left. */
  expect(plan: Plan): void {
    this.remaining.expect(plan);
  }

  /** A validation over so many samples has ended. */
  validated(durationMs: number, samples: number): void {
    this.remaining.validated(durationMs, samples);
  }

  /** Work outside of training goes on: said a few times a second, so that a long phase is not taken for one that is stuck. */
  goesOn(): void {
    if (performance.now() - this.lastSent >= PROGRESS_EVERY_MS) this.send();
  }

  /** A training step has ended; its validation, where there was one, is reported by itself. */
  stepped(step: number, durationMs: number): void {
    this.stepsDone = this.before + step;
    this.remaining.step(durationMs);
    if (performance.now() - this.lastSent >= PROGRESS_EVERY_MS) this.send();
  }

  /**
   * Names the columns that `step` rows have beyond those of `StepMeasures`, in the order of `step`'s `more`. Without it they have none; called again,
   * it counts for the rows that follow.
   */
  declareSteps(more: readonly string[]): void {
    Object.assign(this.metrics, this.steps?.newestValues());
    this.steps = this.buffer('step', [...STEP_COLUMNS, ...more]);
  }

  /**
   * A row of the series `step`, whose values are the newest metrics as well. Costs well under a microsecond: the values are copied at once, so that
   * the caller may fill in the same object again. `step` is the number of steps done, this one included.
   */
  step(step: number, measures: StepMeasures, more: ArrayLike<number> = []): void {
    this.steps ??= this.buffer('step', STEP_COLUMNS);
    const buffer = this.steps;
    const declared = buffer.columns.length - STEP_COLUMNS.length;
    if (more.length !== declared)
      throw new Error(`${declared} columns of the series step are declared beyond its own. Received: ${more.length}`);
    this.begin(buffer, step);
    buffer.set(0, measures.loss);
    buffer.set(1, measures.learning_rate);
    buffer.set(2, measures.gradient_norm);
    buffer.set(3, measures.clipped_norm);
    buffer.set(4, measures.clipping_threshold);
    buffer.set(5, measures.clipped);
    buffer.set(6, measures.update_ratio);
    buffer.set(7, measures.skipped_steps);
    buffer.set(8, measures.non_finite);
    for (let index = 0; index < declared; index++) buffer.set(STEP_COLUMNS.length + index, more[index]!);
  }

  /**
   * Names the trainable weights, by their keys, whose norms `layers` reports. Each becomes four columns of the series `layer`: `<key>:gradient_norm`,
   * `<key>:clipped_norm`, `<key>:weight_norm`, `<key>:update_ratio`. Called again, it counts for the rows that follow.
   */
  declareLayers(keys: readonly string[]): void {
    const columns = LAYER_MEASURES.flatMap((measure) => keys.map((key) => `${key}:${measure}`));
    this.layerCount = keys.length;
    this.layerValues = this.buffer('layer', columns);
  }

  /** A row of the series `layer`, one value a declared weight in each array; copied at once. Meant for every `layer_norms_every`-th step. */
  layers(step: number, measures: LayerMeasures): void {
    const { layerValues: buffer, layerCount } = this;
    if (!buffer) throw new Error('No weights are declared whose norms could be reported: call declareLayers first');
    for (const measure of LAYER_MEASURES) {
      if (measures[measure].length === layerCount) continue;
      throw new Error(`${layerCount} weights are declared. Received: ${measures[measure].length} values of ${measure}`);
    }
    this.begin(buffer, step);
    for (const [place, measure] of LAYER_MEASURES.entries()) {
      const values = measures[measure];
      for (let index = 0; index < layerCount; index++) buffer.set(place * layerCount + index, values[index]!);
    }
  }

  /** A row of a series with few rows and names of its own (`epoch`, `prune`); its values are the newest metrics as well. */
  row(series: SeriesChunk['series'], step: number, values: Record<string, number | null>): void {
    const buffer = this.buffer(series, Object.keys(values));
    this.begin(buffer, step);
    for (const [column, name] of buffer.columns.entries()) buffer.set(column, values[name]!);
    Object.assign(this.metrics, buffer.newestValues());
  }

  /** Sends the rows that are waiting. */
  flush(): void {
    const chunks = [...this.buffers.values()].map((buffer) => buffer.take()).filter((chunk) => chunk !== null);
    if (chunks.length > 0) this.emit({ kind: 'series', chunks });
  }

  /**
   * A checkpoint file is whole, and is the supervisor's from now on. Rows before it are sent first, so that a resume finds all of them. `best` where it is the
   * best so far by the metric that the job monitors.
   */
  checkpoint(step: number, path: string, best: { metric: string; value: number } | null = null): void {
    this.flush();
    // Under a name of its own: the job may write the same step again, for a pause, before the supervisor has taken this one.
    const own = `${path}.${this.checkpoints++}`;
    renameSync(path, own);
    // The caller's record of the best says more than a frame may.
    this.emit({ kind: 'checkpoint', step: this.before + step, path: own, best: best && { metric: best.metric, value: best.value } });
  }

  /** The first engine step is about to be computed. */
  started(resumedFromStep: number | null): void {
    this.emit({ kind: 'started', resumed_from_step: resumedFromStep === null ? null : this.before + resumedFromStep });
  }

  /** Once a text. */
  warn(code: string, detail: string): void {
    if (this.warned.has(code + detail)) return;
    this.warned.add(code + detail);
    this.emit({ kind: 'warning', warning: { code, detail } });
  }

  private buffer(series: SeriesChunk['series'], columns: readonly string[]): SeriesBuffer {
    const key = [series, ...columns].join('\0');
    const known = this.buffers.get(key);
    if (known) return known;
    const buffer = new SeriesBuffer(series, columns);
    this.buffers.set(key, buffer);
    return buffer;
  }

  private begin(buffer: SeriesBuffer, step: number): void {
    // All of them: rows reach the supervisor in the order of their numbers.
    if (buffer.full) this.flush();
    buffer.begin(this.rows++, this.before + step);
  }

  private send(): void {
    this.lastSent = performance.now();
    this.flush();
    this.emit({
      kind: 'progress',
      progress: {
        phase: this.phase,
        step: this.stepsDone,
        total_steps: this.totalSteps,
        fraction: this.totalSteps === 0 ? (this.phase === 'done' ? 1 : 0) : Math.min(1, this.stepsDone / this.totalSteps),
        eta_s: this.remaining.left(this.phase, this.stepsDone, this.totalSteps),
      },
      metrics: { ...this.metrics, ...this.steps?.newestValues() },
    });
  }
}
