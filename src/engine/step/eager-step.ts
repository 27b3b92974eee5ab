import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Masks } from '../../pruning/masks.ts';
import { scope } from '../scope.ts';
import { tf } from '../tensorflow.ts';
import { Variables } from '../variables.ts';
import { type BatchFormat, decoded, rawTensors } from './batch-format.ts';
import { maskVariables, silence } from './masking.ts';
import { drawOf, partsOf } from './parts.ts';
import { type BatchTensors, type Pass, type StepParts, StepProgram } from './program.ts';
import { lengthsFrom, measuredFrom, reportOf, verdictOf } from './report.ts';
import type { HostBatch, PredictionBatch, StepPosition, StepReport, TrainingStep } from './training-step.ts';

/** The step run operation by operation: what is used where a step cannot be captured, and what the captured one is tested against. */
export class EagerStep implements TrainingStep {
  readonly kind = 'eager';
  readonly keys: readonly string[];
  private readonly parts: StepParts;
  private readonly format: BatchFormat;
  private readonly program: StepProgram;
  private masks = new Variables();

  constructor(parts: StepParts, format: BatchFormat) {
    this.parts = parts;
    this.format = format;
    this.program = new StepProgram(parts);
    this.program.prepare(parts.variables);
    this.keys = this.program.tensors.map(({ key }) => key);
  }

  run(batch: HostBatch, at: StepPosition): StepReport {
    return scope(() => {
      const { clipping } = this.parts;
      const numbers = tf.tensor1d(this.program.numbers(at));
      const pass = this.passOver(batch, at.step);
      try {
        const total = this.program.total(pass, numbers, this.masks);
        let decision = this.program.decide(total, numbers, { lengths: (measured) => measured, ok: (measured) => measured });
        let measured = measuredFrom(decision.metrics.dataSync<'float32'>());
        if (!measured.ok) {
          const verdict = verdictOf(measured, this.program.diagnosis(total.gradients).dataSync<'float32'>(), this.keys);
          if (verdict.kind === 'fault') return reportOf(measured, verdict, null);
          decision = this.program.decide(total, numbers, {
            lengths: () => tf.tensor1d(verdict.lengths),
            ok: () => tf.scalar(true, 'bool'),
          });
          measured = measuredFrom(decision.metrics.dataSync<'float32'>());
        }
        const { values } = decision.clipped;
        this.program.update(values, total, numbers);
        clipping.observe(measured.normBefore, measured.normAfter);
        const layers = at.layers ? this.program.layerLengths(values, pass.weights).dataSync<'float32'>() : null;
        return reportOf(measured, null, layers && lengthsFrom(measured, layers));
      } finally {
        tf.dispose([pass.shown, ...pass.moved.values()]);
      }
    });
  }

  setMasks(masks: Masks): void {
    this.masks.dispose();
    this.masks = maskVariables(masks, this.parts.variables.weights);
    if (this.parts.masking === 'final') silence(this.masks, this.parts.variables, this.parts.optimizer.slots);
  }

  /** The loss of a step's batch and its gradients on the host, by key, nothing updated: of masked weights as well where they are 0 already. */
  measure(batch: HostBatch, step: number): { loss: number; gradients: Map<string, Float32Array> } {
    return scope(() => {
      const pass = this.passOver(batch, step);
      try {
        const gradients = this.keys.map((key, index) => [key, Float32Array.from(pass.gradients[index]!.dataSync<'float32'>())] as const);
        return { loss: pass.loss.dataSync<'float32'>()[0]!, gradients: new Map(gradients) };
      } finally {
        tf.dispose([pass.shown, ...pass.moved.values()]);
      }
    });
  }

  store(): void {}

  load(): void {}

  predict({ inputs, count }: PredictionBatch): Float32Array {
    return scope(() =>
      this.program.predict(tf.tensor(inputs(), [count, ...this.format.sample], 'float32'), this.masks).dataSync<'float32'>(),
    );
  }

  dispose(): void {
    this.masks.dispose();
  }

  private tensors(batch: HostBatch): BatchTensors {
    const { x, y, w, lesson } = rawTensors(this.format, batch.read());
    return { x: decoded(this.format, x), y, w, lesson };
  }

  /** A pass over all parts of a batch, each weighted by its share of the samples. */
  private passOver(batch: HostBatch, step: number): Pass {
    const parts = partsOf(batch, this.parts.microBatchSize);
    const single = (piece: HostBatch, draw: number, moved: ReadonlyMap<string, Tensor>): Pass =>
      this.program.pass(this.tensors(piece), tf.scalar(draw, 'int32'), this.masks, moved);
    if (parts.length === 1) return single(batch, step, new Map());
    let moved: ReadonlyMap<string, Tensor> = new Map();
    let weights: Tensor[] = [];
    let sums: Tensor[] = [];
    for (const [index, piece] of parts.entries()) {
      const { loss, shown, gradients, weights: found, moved: after } = single(piece, drawOf(step, index), moved);
      weights = found;
      const share = tf.scalar(piece.count / batch.count);
      const terms = [loss, shown, ...gradients].map((term) => tf.mul(term, share));
      sums = sums.length === 0 ? terms : terms.map((term, index) => tf.add(sums[index]!, term));
      for (const [key, value] of moved) if (after.get(key) !== value) value.dispose();
      moved = new Map([...moved, ...after]);
      shown.dispose();
    }
    const [loss, shown, ...gradients] = sums;
    return { loss: loss!, shown: tf.keep(shown!), gradients, weights, moved };
  }
}
