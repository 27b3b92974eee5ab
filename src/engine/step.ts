/** One training step: forward, loss, gradients, masks, clipping, the non-finite guard, the update. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import type { ClippingRule } from '../clipping/index.ts';
import type { Graph } from '../model/graph.ts';
import { weightKey } from '../model/graph.ts';
import type { WeightRole } from '../model/layers/index.ts';
import type { Loss } from './losses.ts';
import { forward } from './network.ts';
import type { OptimizerRule } from './optimizers/index.ts';
import { assignVariable, l2Loss, pack } from './raw-ops.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';
import type { Variables } from './variables.ts';

export interface Batch {
  /** [batch, ...] float32. */
  x: Tensor;
  /** [batch, ...] int32 class numbers or float32. */
  y: Tensor;
}

export interface StepReport {
  loss: number;
  /** Global norm of the gradients, masked weights left out, before and after clipping. */
  normBefore: number;
  normAfter: number;
  threshold: number | null;
  clipped: boolean;
  /** The first tensor whose gradient is not finite (`loss` when that is not), in which case nothing was updated; else null. */
  nonFinite: string | null;
}

export interface StepPosition {
  /** Counts from 0 over the whole job; random layers draw by it. */
  step: number;
  /** Counts from 0 since the optimizer's slots were zero; Adam's bias correction goes by it. */
  optimizerStep: number;
  learningRate: number;
}

/** The one interface of everything that can train: the eager step here, a captured graph later. */
export interface TrainingStep {
  run(batch: Batch, at: StepPosition): StepReport;
  /** Takes other masks: float32, 1 where a weight lives; pruned weights and their slots become +0. */
  setMasks(masks: ReadonlyMap<string, Tensor>): void;
}

export interface StepParts {
  graph: Graph;
  weights: Variables;
  slots: Variables;
  loss: Loss;
  optimizer: OptimizerRule;
  clipping: ClippingRule;
  /** Kernels are clamped to this after each update. */
  weightRange: readonly [number, number] | null;
  /** For dropout. */
  seed: number;
}

interface Trainable {
  key: string;
  role: WeightRole;
  slots: Tensor[];
}

/** The step run operation by operation through tfjs' tape; the optimizer's update is one fused operation a weight. */
export class EagerStep implements TrainingStep {
  private readonly parts: StepParts;
  private readonly trainables: Trainable[];
  private readonly fixed: string[];
  private masks: ReadonlyMap<string, Tensor> = new Map();

  constructor(parts: StepParts) {
    this.parts = parts;
    const { graph, weights, slots, optimizer } = parts;
    const all = graph.layers.flatMap((layer) =>
      layer.weights.map((spec) => ({ key: weightKey(layer, spec.name), role: spec.role, layer })),
    );
    this.trainables = all
      .filter(({ role, layer }) => layer.trainable && role !== 'statistic')
      .map(({ key, role }) => ({
        key,
        role,
        slots: optimizer.slots.map((slot) => {
          const name = slotKey(key, slot);
          if (!slots.has(name)) tf.tidy(() => slots.assign(name, tf.zeros([...weights.shape(key)])));
          return slots.handle(name);
        }),
      }));
    this.fixed = all.map(({ key }) => key).filter((key) => !this.trainables.some((trainable) => trainable.key === key));
  }

  run(batch: Batch, at: StepPosition): StepReport {
    return scope(() => {
      const { graph, weights, loss, clipping, seed } = this.parts;
      const values = new Map([...this.trainables.map(({ key }) => key), ...this.fixed].map((key) => [key, weights.read(key)]));
      const moved = new Map<string, Tensor>();
      const move = (key: string, tensor: Tensor): void => {
        moved.get(key)?.dispose();
        moved.set(key, tensor);
      };
      const wanted = this.trainables.map(({ key }) => values.get(key)!);
      try {
        const { value, grads } = tf.engine().gradients(() => {
          // A normalisation that is called twice moves its statistics twice.
          const [output] = forward(graph, (key) => moved.get(key) ?? values.get(key)!, [batch.x], {
            training: true,
            logits: loss.onLogits,
            random: { seed, step: tf.scalar(at.step, 'int32') },
            update: move,
          });
          return loss.value(output!, batch.y) as Scalar;
        }, wanted);
        // A weight that the loss does not depend on has no gradient.
        const gradients = this.trainables.map(({ key }, index) => {
          const gradient = grads[index] ?? tf.zerosLike(wanted[index]!);
          const mask = this.masks.get(key);
          return mask ? tf.mul(gradient, mask) : gradient;
        });
        const [lossValue, ...halves] = Array.from(pack([value, ...gradients.map(l2Loss)]).dataSync<'float32'>());
        const tensors = halves.map((half) => Math.sqrt(2 * half));
        const report = (norm: number, after: number, nonFinite: string | null, clipped: boolean): StepReport => ({
          loss: lossValue!,
          normBefore: norm,
          normAfter: after,
          threshold: clipping.threshold,
          clipped,
          nonFinite,
        });
        if (!Number.isFinite(lossValue)) return report(Number.NaN, Number.NaN, 'loss', false);
        for (const [index, length] of tensors.entries()) {
          if (Number.isFinite(length)) continue;
          // Finite elements whose squares overflow float32 are no fault: measure them scaled.
          const scaled = scaledNorm(gradients[index]!);
          if (!Number.isFinite(scaled)) return report(Number.NaN, Number.NaN, this.trainables[index]!.key, false);
          tensors[index] = scaled;
        }
        const global = Math.hypot(...tensors);
        const decision = clipping.decide({ global, tensors });
        const clipped = applyDecision(gradients, decision);
        let after = global;
        if (decision.kind === 'scale') after = Math.hypot(...tensors.map((length, index) => length * decision.factors[index]!));
        let bound = decision.kind === 'scale';
        if (decision.kind === 'clamp') {
          after = Math.sqrt(2 * hostSum(clipped.map(l2Loss)));
          bound = largestOf(gradients) > decision.limit;
        }
        this.update(clipped, at);
        for (const [key, tensor] of moved) weights.assign(key, tensor);
        return report(global, after, null, bound);
      } finally {
        for (const tensor of moved.values()) tensor.dispose();
      }
    });
  }

  setMasks(masks: ReadonlyMap<string, Tensor>): void {
    this.masks = masks;
    for (const [key, mask] of masks) {
      tf.tidy(() => {
        // A product would leave -0, which is another byte pattern than +0 and compresses worse. With slots at zero and gradients masked, no update
        // moves a pruned weight again.
        const lives = tf.cast(mask, 'bool');
        const masked = (value: Tensor): Tensor => tf.where(lives, value, tf.zerosLike(value));
        this.parts.weights.assign(key, masked(this.parts.weights.read(key)));
        for (const name of this.parts.optimizer.slots) {
          const slot = slotKey(key, name);
          // A frozen weight has none.
          if (this.parts.slots.has(slot)) this.parts.slots.assign(slot, masked(this.parts.slots.read(slot)));
        }
      });
    }
  }

  private update(gradients: Tensor[], at: StepPosition): void {
    const { weights, optimizer, weightRange } = this.parts;
    const apply = optimizer.begin(at.optimizerStep + 1, at.learningRate);
    for (const [index, { key, role, slots }] of this.trainables.entries()) {
      const variable = weights.handle(key);
      apply({ variable, slots, gradient: gradients[index]!, decayed: role === 'kernel' });
      if (weightRange && role === 'kernel') assignVariable(variable, tf.clipByValue(weights.read(key), ...weightRange));
    }
  }
}

/** The slot's key among the optimizer's variables. */
export function slotKey(weight: string, slot: string): string {
  return `${weight}:${slot}`;
}

/** The largest |element| of all tensors. */
function largestOf(tensors: Tensor[]): number {
  const largest = pack(tensors.map((tensor) => tf.max(tf.abs(tensor)))).dataSync<'float32'>();
  return Math.max(...largest);
}

function hostSum(scalars: Tensor[]): number {
  return Array.from(pack(scalars).dataSync<'float32'>()).reduce((sum, value) => sum + value, 0);
}

function applyDecision(gradients: Tensor[], decision: ReturnType<ClippingRule['decide']>): Tensor[] {
  switch (decision.kind) {
    case 'keep':
      return gradients;
    case 'scale':
      return gradients.map((gradient, index) => (decision.factors[index] === 1 ? gradient : tf.mul(gradient, decision.factors[index]!)));
    case 'clamp':
      return gradients.map((gradient) => tf.clipByValue(gradient, -decision.limit, decision.limit));
  }
}

/** The norm of a tensor whose squares overflow; NaN or infinite when an element is. */
function scaledNorm(gradient: Tensor): number {
  const largest = tf.max(tf.abs(gradient)).dataSync()[0]!;
  if (!Number.isFinite(largest)) return largest;
  return largest * Math.sqrt(2 * l2Loss(tf.div(gradient, largest)).dataSync()[0]!);
}
