/** Training from one step to another, as `train` jobs and fine-tuning do it. Everything that a resume needs is in `RunState` and the arrays beside it. */
import { join } from 'node:path';
import { clippingRule, clippingVerdict } from '../clipping/index.ts';
import { type Dataset, epochOrder } from '../dataset/batches.ts';
import { Problem } from '../errors.ts';
import type { Training } from '../jobs/spec/index.ts';
import { type ModelDocument, makeDocument, withWeights } from '../model/document.ts';
import type { Masks } from '../pruning/masks.ts';
import { quality } from '../report/scores.ts';
import { makeBatch } from './batch.ts';
import { Cancelled } from './cancelled.ts';
import { type StoredArray, type StoredState, writeCheckpoint } from './checkpoint.ts';
import { evaluate } from './evaluate.ts';
import { learningRate } from './learning-rate.ts';
import { type Loss, lossOf } from './losses.ts';
import { optimizerRule, resolved } from './optimizers/index.ts';
import type { Reporter } from './reporter.ts';
import { EagerStep, type TrainingStep } from './step.ts';
import { tf } from './tensorflow.ts';
import { Variables } from './variables.ts';

/** What has happened so far, as a checkpoint keeps it. */
export interface RunState {
  /** Steps done over the whole job. */
  step: number;
  /** The stage that is being trained; its cut has been made. */
  stage: number;
  /** The step at which the optimizer's slots were last zero, plus the steps skipped since. */
  slotsFrom: number;
  clippedSteps: number;
  skippedSteps: number;
  /** Cuts made so far, as the result lists them. */
  cuts: Record<string, unknown>[];
}

export interface TrainingRunParts {
  document: ModelDocument;
  data: Dataset;
  training: Training;
  seed: number;
  reporter: Reporter;
  scratch: string;
  checkpointIntervalSeconds: number;
  cancelled(): boolean;
}

/** The number of steps of an epoch. */
export function stepsPerEpoch(data: Dataset, batchSize: number): number {
  return Math.ceil(data.split('train').size / batchSize);
}

export class TrainingRun {
  readonly state: RunState;
  readonly loss: Loss;
  readonly totalSteps: number;
  private readonly parts: TrainingRunParts;
  private readonly perEpoch: number;
  private document: ModelDocument;
  private weights: Variables;
  private slots = new Variables();
  private masks: Masks = new Map();
  private maskTensors = new Map<string, import('@tensorflow/tfjs-node-gpu').Tensor>();
  private step: TrainingStep;
  private lastCheckpoint = performance.now();

  constructor(parts: TrainingRunParts, resumed: StoredState | null = null) {
    this.parts = parts;
    this.perEpoch = stepsPerEpoch(parts.data, parts.training.batch_size);
    this.totalSteps = this.perEpoch * parts.training.epochs;
    this.loss = lossOf(parts.training.loss);
    this.document = parts.document;
    this.state = { step: 0, stage: 0, slotsFrom: 0, clippedSteps: 0, skippedSteps: 0, cuts: [] };
    if (resumed) {
      const { run, config } = resumed.state as { run: RunState; config: Record<string, unknown> };
      Object.assign(this.state, run);
      this.document = makeDocument({ ...parts.document, config, weights: floatsUnder(resumed.arrays, 'weights/') });
      for (const [name, slot] of floatsUnder(resumed.arrays, 'slots/')) this.slots.set(name, slot);
    }
    this.weights = Variables.from(this.document.weights);
    this.step = this.makeStep();
    if (resumed) {
      const masks = [...resumed.arrays].filter(([name]) => name.startsWith('masks/'));
      this.setMasks(new Map(masks.map(([name, { data }]) => [name.slice('masks/'.length), data as Uint8Array])));
    }
  }

  /** The document with the present weights. */
  present(): ModelDocument {
    return withWeights(this.document, this.weights.values());
  }

  /** The variables that hold the present weights; of this run. */
  presentWeights(): Variables {
    return this.weights;
  }

  presentMasks(): Masks {
    return this.masks;
  }

  /** Goes on with another document (of other shapes): fresh slots, no masks. */
  replaceDocument(document: ModelDocument): void {
    this.disposeVariables();
    this.document = document;
    this.weights = Variables.from(document.weights);
    this.slots = new Variables();
    this.state.slotsFrom = this.state.step;
    this.step = this.makeStep();
  }

  /** Weights whose mask is 0 become zero and stay so. */
  setMasks(masks: Masks): void {
    for (const tensor of this.maskTensors.values()) tensor.dispose();
    this.masks = masks;
    this.maskTensors = new Map(
      [...masks].map(([key, mask]) => [key, tf.tensor(Float32Array.from(mask), [...this.weights.shape(key)], 'float32')]),
    );
    this.step.setMasks(this.maskTensors);
  }

  /**
   * Trains up to (not including) step `to`; `afterStep` may prune, and is called with the number of steps done.
   * Throws Problem NON_FINITE_GRADIENT, and Cancelled.
   */
  train(to: number, afterStep: (done: number) => void = () => {}): void {
    const { data, training, seed, reporter } = this.parts;
    const optimizer = resolved(training.optimizer);
    const size = data.split('train').size;
    let order: Uint32Array | null = null;
    let orderOf = -1;
    while (this.state.step < to) {
      this.checkCancelled();
      const began = performance.now();
      const { step } = this.state;
      const epoch = Math.floor(step / this.perEpoch);
      if (order === null || orderOf !== epoch) {
        order = epochOrder(seed, epoch, size);
        orderOf = epoch;
      }
      const from = (step % this.perEpoch) * training.batch_size;
      const batch = makeBatch(data, this.document.graph, 'train', order.subarray(from, from + training.batch_size));
      const rate = learningRate(training.learning_rate_schedule, optimizer.learning_rate, step, this.totalSteps);
      const report = this.step.run(batch, { step, optimizerStep: step - this.state.slotsFrom, learningRate: rate });
      tf.dispose([batch.x, batch.y]);
      if (report.nonFinite !== null) {
        if (training.on_non_finite === 'fail') {
          throw new Problem(
            'NON_FINITE_GRADIENT',
            `At step ${step} the ${report.nonFinite === 'loss' ? 'loss' : `gradient of ${report.nonFinite}`} is not finite; nothing was updated. Lower the learning rate, clip by global_norm, or set on_non_finite to skip_step.`,
          );
        }
        this.state.skippedSteps++;
        // The optimizer did not move: its own count of steps, by which Adam corrects its bias, stands still.
        this.state.slotsFrom++;
      }
      if (report.clipped) this.state.clippedSteps++;
      this.state.step = step + 1;
      reporter.row('step', this.state.step, {
        loss: report.loss,
        learning_rate: rate,
        gradient_norm: report.normBefore,
        clipped_norm: report.normAfter,
        clipping_threshold: report.threshold,
        clipped: report.clipped ? 1 : 0,
        skipped_steps: this.state.skippedSteps,
      });
      afterStep(this.state.step);
      if (this.state.step % this.perEpoch === 0) this.validate(epoch + 1);
      reporter.stepped(this.state.step, performance.now() - began);
      if (performance.now() - this.lastCheckpoint >= this.parts.checkpointIntervalSeconds * 1000 && this.state.step < this.totalSteps)
        this.checkpoint();
    }
  }

  /** How the gradients were clipped, for the result. */
  clippingSummary(): Record<string, unknown> {
    const { step, clippedSteps, skippedSteps } = this.state;
    const fraction = step === 0 ? 0 : clippedSteps / step;
    return { steps: step, clipped_fraction: fraction, verdict: clippingVerdict(fraction), skipped_steps: skippedSteps };
  }

  checkCancelled = (): void => {
    if (this.parts.cancelled()) throw new Cancelled();
  };

  dispose(): void {
    this.disposeVariables();
  }

  private validate(epoch: number): void {
    const { data, reporter } = this.parts;
    if (data.split('selection').size === 0) return;
    const measured = quality(
      evaluate(this.document.graph, (key) => this.weights.read(key), data, 'selection', this.loss, this.checkCancelled),
    );
    reporter.row('epoch', this.state.step, {
      epoch,
      val_loss: measured.loss.value,
      ...(measured.accuracy ? { val_accuracy: measured.accuracy.value } : {}),
      ...(measured.mean_absolute_error ? { val_mean_absolute_error: measured.mean_absolute_error.value } : {}),
    });
  }

  private checkpoint(): void {
    const path = join(this.parts.scratch, `checkpoint-${this.state.step}.safetensors`);
    const arrays = new Map<string, StoredArray>();
    for (const [name, weight] of this.weights.values()) arrays.set(`weights/${name}`, weight);
    for (const [name, slot] of this.slots.values()) arrays.set(`slots/${name}`, slot);
    for (const [name, mask] of this.masks) {
      arrays.set(`masks/${name}`, { shape: this.weights.shape(name), data: mask as Uint8Array<ArrayBuffer> });
    }
    writeCheckpoint(path, { state: { run: this.state, config: this.document.config }, arrays });
    this.parts.reporter.checkpoint(this.state.step, path);
    this.lastCheckpoint = performance.now();
  }

  private makeStep(): TrainingStep {
    const { training, seed } = this.parts;
    return new EagerStep({
      graph: this.document.graph,
      weights: this.weights,
      slots: this.slots,
      loss: this.loss,
      optimizer: optimizerRule(resolved(training.optimizer)),
      clipping: clippingRule(training.clipping),
      weightRange: training.weight_range,
      seed,
    });
  }

  private disposeVariables(): void {
    for (const tensor of this.maskTensors.values()) tensor.dispose();
    this.maskTensors.clear();
    this.masks = new Map();
    this.weights.dispose();
    this.slots.dispose();
  }
}

function floatsUnder(arrays: ReadonlyMap<string, StoredArray>, prefix: string) {
  return new Map(
    [...arrays]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { shape, data }]) => [name.slice(prefix.length), { shape, data: data as Float32Array<ArrayBuffer> }]),
  );
}
