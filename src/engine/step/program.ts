/**
 * A training step as tensors in, tensors out: nothing in here reads a value. The eager step runs these pieces as they are; the captured step records them
 * once and replays them. Both therefore compute the same.
 */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Clipped, type ClippedTensor, type ClippingRule, jointLength } from '../../clipping/index.ts';
import type { Augmentation } from '../../jobs/spec/index.ts';
import { type Graph, weightKey } from '../../model/graph.ts';
import type { WeightSpec } from '../../model/layers/index.ts';
import { outputCall } from '../../model/output-call.ts';
import { TENSORS } from '../arithmetic.ts';
import { augment } from '../augmentation/index.ts';
import { featureLesson, featureOf, outputLesson, type Teacher, taught } from '../distillation.ts';
import { asNumbers, classNumbers, type Loss, meanLoss } from '../losses.ts';
import { forward } from '../network.ts';
import { gatherRows } from '../ops/gather-rows.ts';
import type { OptimizerRule } from '../optimizers/index.ts';
import { assignVariable, l2Loss, pack, readVariable, unpack } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { Variables } from '../variables.ts';
import { pooled, type StepCodings, seen, throughGrid } from './coded-weights.ts';
import { type Masking, masked } from './hidden-weights.ts';
import { type Penalty, penaltyOf } from './penalty.ts';
import { bitsOf, LOG_STEP, noiseDraw, noisy, STEP_RATE, STEP_RULE } from './rate-coding.ts';
import type { StepPosition, StepVariables } from './training-step.ts';

export interface StepParts {
  graph: Graph;
  variables: StepVariables;
  loss: Loss;
  optimizer: OptimizerRule;
  /** Whether biases and normalisation parameters decay as well. */
  decayAll: boolean;
  clipping: ClippingRule;
  /** Kernels are clamped to this after each update. */
  weightRange: readonly [number, number] | null;
  /** Other weights that are clamped, by key. */
  inRange: (key: string) => boolean;
  /** Momentum of the weights' moving average; null where none is kept. */
  ema: number | null;
  /** By class number; null for 1. */
  classWeights: Float32Array | null;
  augmentation: Augmentation;
  masking: Masking;
  teacher: Teacher | null;
  penalty: Penalty | null;
  /** Weights that are few values or whole numbers. */
  codings: StepCodings;
  /** The learning rate at which steps are learned at their own full rate. */
  stepsLearn: number;
  /** The rate at which weights' scores follow their movement, and the learning rate that this is for; null where none are kept. */
  movement: { rate: number; learningRate: number } | null;
  /** Samples that are computed at once, where a batch is computed in parts; null for all of them. */
  microBatchSize: number | null;
  /** For random layers and augmentation. */
  seed: number;
}

export interface BatchTensors {
  x: Tensor;
  y: Tensor;
  w: Tensor | null;
  /** What the teacher says of each sample; null where the step asks it. */
  lesson: Tensor | null;
}

/** What a forward and backward pass over a batch gives. */
export interface Pass {
  loss: Tensor;
  /** [SHOWN.length]: what is only reported; NaN where there is none. */
  shown: Tensor;
  /** In the order of `tensors`; of weights whose masks are final, after masking. */
  gradients: Tensor[];
  /** The weights that the gradients are of, as the pass found them. */
  weights: Tensor[];
  /** New values of weights that the forward pass moves, by key. */
  moved: ReadonlyMap<string, Tensor>;
}

/** What a batch's pass comes to. */
export interface Total extends Pass {
  /** The loss's gradients before masks and penalty. */
  unmasked: Tensor[];
  penalty: Tensor;
  /** Scalars, of weights on learned steps; NaN where there are none. */
  bits: Tensor;
  zeros: Tensor;
  /** ∂bits/∂ln(step), scalars by key. */
  bitsOfLogSteps: ReadonlyMap<string, Tensor>;
}

export interface Decision {
  clipped: Clipped<Tensor>;
  /** bool: loss and gradients are finite, and the update may happen. */
  ok: Tensor;
  /** [METRICS.length + n]: METRICS, then the length of each gradient. */
  metrics: Tensor;
}

/** Sets the stream of augmentation apart from those of layers. */
const AUGMENTATION = 0x5bd1e995;

/** The first numbers of a step's result. */
export const METRICS = ['loss', 'accuracy', 'distillation', 'penalty', 'bits', 'zeros', 'normAfter', 'threshold', 'clipped', 'ok'] as const;

/** Means over a batch's samples that nothing goes by: the fraction of right predictions, and the teacher's part of the loss, unweighted. */
export const SHOWN = ['accuracy', 'distillation'] as const;

/** The slot's key among the optimizer's variables. */
export function slotKey(weight: string, slot: string): string {
  return `${weight}:${slot}`;
}

interface Trainable extends ClippedTensor {
  slots: string[];
  decayed: boolean;
  ranged: boolean;
}

export class StepProgram {
  readonly tensors: readonly Trainable[];
  private readonly parts: StepParts;
  /** Every weight, trainable or not. */
  private readonly keys: readonly string[];

  constructor(parts: StepParts) {
    this.parts = parts;
    const { graph, optimizer, decayAll, weightRange, inRange } = parts;
    const last = new Set(graph.outputs.map((output) => outputCall(graph, output.tensor)?.layer));
    const all = graph.layers.flatMap((layer) => layer.weights.map((spec) => ({ layer, spec, key: weightKey(layer, spec.name) })));
    this.keys = all.map(({ key }) => key);
    this.tensors = all.flatMap(({ layer, spec, key }) => {
      if (!layer.trainable || spec.role === 'statistic') return [];
      const kernel = spec.role === 'kernel';
      return [
        {
          key,
          layer: layer.name,
          role: spec.role,
          shape: spec.shape,
          unitAxes: unitAxes(spec),
          last: last.has(layer),
          slots: optimizer.slots.map((slot) => slotKey(key, slot)),
          decayed: kernel || decayAll,
          ranged: weightRange !== null && (kernel || inRange(key)),
        },
      ];
    });
  }

  /** Makes the variables that the optimizer and the average need and that are not there yet. */
  prepare({ weights, slots, averages, steps }: StepVariables): void {
    const { optimizer, ema, codings } = this.parts;
    for (const [key, coding] of codings) {
      if (coding.kind !== 'rate' || slots.has(slotKey(key, LOG_STEP))) continue;
      tf.tidy(() => slots.assign(slotKey(key, LOG_STEP), tf.log(steps.read(key))));
      const shape = [...steps.shape(key)];
      for (const slot of STEP_RULE.slots) tf.tidy(() => slots.assign(slotKey(key, `${LOG_STEP}:${slot}`), tf.zeros(shape)));
    }
    for (const { key, slots: names } of this.tensors) {
      const shape = [...weights.shape(key)];
      for (const name of names) if (!slots.has(name)) tf.tidy(() => slots.assign(name, tf.fill(shape, optimizer.initial)));
      if (ema !== null && !averages.has(key)) tf.tidy(() => averages.assign(key, weights.read(key)));
    }
  }

  /** The numbers that a step is given, which `update` and `decide` take as scalars. */
  numbers(at: StepPosition): Float32Array {
    const { optimizer, ema, clipping, movement, stepsLearn } = this.parts;
    return Float32Array.from([
      ...optimizer.numbers(at.optimizerStep + 1, at.learningRate),
      1 - at.learningRate * optimizer.weightDecay,
      // The first average is the weight itself.
      at.optimizerStep === 0 ? 0 : (ema ?? 0),
      at.penalty,
      movement ? (movement.rate * at.learningRate) / movement.learningRate : 0,
      at.bit,
      at.pull,
      ...STEP_RULE.numbers(at.optimizerStep + 1, (STEP_RATE * at.learningRate) / stepsLearn),
      ...clipping.next(at.thresholdStep),
    ]);
  }

  /** Forward and backward. `before` has statistics that an earlier part of the same batch has moved. The caller disposes `shown` and `moved`. */
  pass(batch: BatchTensors, step: Tensor, masks: Variables, before: ReadonlyMap<string, Tensor> = new Map()): Pass {
    const { graph, loss, seed, variables, augmentation, masking, teacher, codings } = this.parts;
    const values = new Map(this.keys.map((key) => [key, before.get(key) ?? variables.weights.read(key)]));
    const moved = new Map<string, Tensor>();
    const overtaken: Tensor[] = [];
    const x = augment(augmentation, batch.x, pack([tf.scalar(seed ^ AUGMENTATION, 'int32'), step]));
    const present = this.tensors.map(({ key }) => values.get(key)!);
    // Final masks are in the weights already.
    if (masking !== 'final') for (const key of masks.keys()) values.set(key, masked(key, values.get(key)!, masks));
    for (const [place, [key, coding]] of [...codings].entries()) {
      const value = values.get(key)!;
      const noise = coding.kind === 'rate' && coding.phase === 'noise';
      values.set(
        key,
        noise ? noisy(value, variables.steps.read(key), noiseDraw(seed, place, step)) : seen(codings, key, value, variables.steps),
      );
    }
    const wanted = this.tensors.map(({ key }) => values.get(key)!);
    const lesson = teacher && (batch.lesson ? { output: batch.lesson, features: [] } : taught(teacher, x, loss));
    const places = teacher ? teacher.options.features.map(({ student_layer }) => featureOf(graph, student_layer)) : [];
    let shown: Tensor | null = null;
    const { value, grads } = tf.engine().gradients(() => {
      const features = new Map<number, Tensor>();
      // A normalisation that is called twice moves its statistics twice.
      const [output] = forward(graph, (key) => moved.get(key) ?? values.get(key)!, [x], {
        training: true,
        logits: loss.onLogits,
        random: { seed, step },
        tap: (tensor, value) => {
          if (places.includes(tensor)) features.set(tensor, value);
          return value;
        },
        update: (key, tensor) => {
          const earlier = moved.get(key);
          if (earlier) overtaken.push(earlier);
          moved.set(key, tensor);
        },
      });
      const weights = this.sampleWeights(batch);
      const hard = meanLoss(loss, output!, batch.y, weights);
      const show = (distillation: Tensor | null): void => {
        shown = tf.keep(tf.tidy(() => pack([accuracyOf(loss, output!, batch.y), distillation ?? tf.scalar(Number.NaN)])));
      };
      if (!teacher || !lesson) {
        show(null);
        return hard as Scalar;
      }
      const { temperature, weight } = teacher.options;
      const soft = outputLesson(loss, output!, lesson.output, temperature, weights);
      show(soft);
      const alike = featureLesson(
        teacher.options,
        places.map((place) => features.get(place)!),
        lesson.features,
      );
      const mixed = tf.add(tf.mul(hard, 1 - weight), tf.mul(soft, weight));
      return (alike ? tf.add(mixed, alike) : mixed) as Scalar;
    }, wanted);
    tf.dispose(overtaken);
    // A weight that the loss does not depend on has no gradient.
    const gradients = this.tensors.map(({ key }, index) => {
      const whole = grads[index] ?? tf.zerosLike(wanted[index]!);
      const gradient = throughGrid(codings, key, whole, present[index]!, variables.steps);
      return masks.has(key) && masking === 'final' ? tf.mul(gradient, masks.read(key)) : gradient;
    });
    return { loss: value, shown: shown!, gradients, weights: present, moved };
  }

  /** Adds the penalty to a pass, and leaves out the gradients of weights that masks hide and that are not to move. */
  total(pass: Pass, numbers: Tensor, masks: Variables): Total {
    const { penalty, masking, variables, codings } = this.parts;
    const { penalty: coefficient, bit } = this.inputs(numbers);
    const values: Tensor[] = [];
    const bits: Tensor[] = [];
    const zeros: Tensor[] = [];
    const bitsOfLogSteps = new Map<string, Tensor>();
    const gradients = this.tensors.map(({ key, unitAxes }, index) => {
      const gradient = pass.gradients[index]!;
      const seen = masks.has(key) && masking === 'shadow' ? tf.mul(gradient, masks.read(key)) : gradient;
      if (codings.get(key)?.kind === 'rate') {
        const own = bitsOf(key, pass.weights[index]!, variables.steps.read(key), variables.costs);
        bits.push(own.bits);
        zeros.push(own.zeros);
        bitsOfLogSteps.set(key, own.ofLogStep);
        return tf.add(seen, tf.mul(own.gradient, bit));
      }
      if (!penalty?.keys.has(key)) return seen;
      const marks = variables.marks.has(key) ? variables.marks.read(key) : null;
      const own = penaltyOf(penalty.type, pass.weights[index]!, { unitAxes, marks });
      values.push(own.value);
      return tf.add(seen, tf.mul(own.gradient, coefficient));
    });
    const sumOf = (terms: Tensor[]): Tensor => (terms.length === 0 ? tf.scalar(Number.NaN) : tf.sum(pack(terms)));
    return {
      ...pass,
      gradients,
      unmasked: pass.gradients,
      penalty: tf.mul(sumOf(values), coefficient),
      bits: sumOf(bits),
      zeros: sumOf(zeros),
      bitsOfLogSteps,
    };
  }

  /** Clipping, and whether the update may happen. `overridden` stands between what is measured and what goes by it. */
  decide(
    { loss, shown, gradients, weights, penalty, bits, zeros }: Omit<Total, 'moved' | 'unmasked' | 'bitsOfLogSteps'>,
    numbers: Tensor,
    overridden: { lengths(measured: Tensor): Tensor; ok(measured: Tensor): Tensor },
  ): Decision {
    const { clipping } = this.parts;
    const measured = pack([loss, ...gradients.map(l2Loss)]);
    const ok = overridden.ok(tf.all(tf.isFinite(measured)));
    const lengths = overridden.lengths(tf.sqrt(tf.mul(tf.slice1d(measured as never, 1, gradients.length), 2)));
    const clipped = clipping.clip(TENSORS, { tensors: this.tensors, values: gradients, lengths, weights }, this.inputs(numbers).clipping);
    const unclipped = clipped.values === gradients;
    const length = clipped.length ?? (unclipped ? jointLength(TENSORS, lengths) : lengthOf(clipped.values));
    const missing = tf.scalar(Number.NaN);
    const first = [
      loss,
      ...unpack(shown),
      penalty,
      bits,
      zeros,
      length,
      clipped.threshold ?? missing,
      clipped.fraction ?? tf.scalar(0),
      tf.cast(ok, 'float32'),
    ];
    return { clipped, ok, metrics: tf.concat([pack(first), lengths as never]) };
  }

  /** The update of everything: decay, optimizer, range, averages, and what the forward pass moved. */
  update(gradients: readonly Tensor[], { moved, unmasked, weights: before, bitsOfLogSteps }: Total, numbers: Tensor): void {
    const { optimizer, weightRange, variables, codings } = this.parts;
    const { weights, slots, averages, scores, places, steps } = variables;
    const { optimizer: rates, decay, momentum, scoreRate, bit, pull, stepRule } = this.inputs(numbers);
    for (const [index, { key }] of this.tensors.entries()) {
      // S -= rate · (∂L/∂ŵ) · w: up where a weight moves away from 0 (Sanh 2020, eq. 3).
      if (scores.has(key)) scores.assign(key, tf.sub(scores.read(key), tf.mul(tf.mul(unmasked[index]!, before[index]!), scoreRate)));
    }
    for (const [index, tensor] of this.tensors.entries()) {
      const variable = weights.handle(tensor.key);
      if (optimizer.weightDecay > 0 && tensor.decayed) assignVariable(variable, tf.mul(readVariable(variable), decay));
      const gradient = pooled(codings, tensor.key, gradients[index]!, places);
      optimizer.update({ variable, slots: tensor.slots.map((slot) => slots.handle(slot)), gradient }, rates);
      const coding = codings.get(tensor.key);
      if (coding?.kind === 'rate' && coding.phase === 'commit') {
        const value = readVariable(variable);
        assignVariable(variable, tf.add(value, tf.mul(tf.sub(seen(codings, tensor.key, value, steps), value), pull)));
      }
      if (coding?.kind === 'rate' && coding.phase === 'straight') {
        const value = before[index]!;
        // Straight through the rounding, a longer step moves a weight as its multiple says, but for the weight itself (Esser 2020): step · (multiple - weight / step).
        const ofLoss = tf.sum(tf.mul(unmasked[index]!, tf.sub(seen(codings, tensor.key, value, steps), value)));
        const ofLogStep = tf.add(ofLoss, tf.mul(bitsOfLogSteps.get(tensor.key)!, bit));
        const logStep = slots.handle(slotKey(tensor.key, LOG_STEP));
        const moments = STEP_RULE.slots.map((slot) => slots.handle(slotKey(tensor.key, `${LOG_STEP}:${slot}`)));
        const shape = [...steps.shape(tensor.key)];
        STEP_RULE.update({ variable: logStep, slots: moments, gradient: tf.reshape(ofLogStep, shape) }, stepRule);
        steps.assign(tensor.key, tf.exp(readVariable(logStep)));
      }
      if (weightRange && tensor.ranged) assignVariable(variable, tf.clipByValue(readVariable(variable), ...weightRange));
      if (averages.has(tensor.key)) {
        const average = averages.handle(tensor.key);
        const kept = tf.mul(readVariable(average), momentum);
        assignVariable(average, tf.add(kept, tf.mul(readVariable(variable), tf.sub(1, momentum))));
      }
    }
    for (const [key, value] of moved) assignVariable(weights.handle(key), value);
  }

  /** [3n]: lengths of the clipped gradients, of the weights before the update, and of what it changed. Called behind `update`. */
  layerLengths(clipped: readonly Tensor[], before: readonly Tensor[]): Tensor {
    const { weights } = this.parts.variables;
    const changes = this.tensors.map(({ key }, index) => tf.sub(weights.read(key), before[index]!));
    return tf.sqrt(tf.mul(pack([...clipped, ...before, ...changes].map(l2Loss)), 2));
  }

  /** [3n]: of each gradient the number of elements that are not finite, the largest |element| and the length, whose squares may not overflow. */
  diagnosis(gradients: readonly Tensor[]): Tensor {
    const finite = gradients.map((gradient) => tf.cast(tf.isFinite(gradient), 'float32'));
    const faults = finite.map((mask) => tf.sum(tf.sub(1, mask)));
    const largest = gradients.map((gradient) => tf.maximum(tf.max(tf.abs(gradient)), 1e-37));
    const lengths = gradients.map((gradient, index) => tf.mul(largest[index]!, lengthOf([tf.div(gradient, largest[index]!)])));
    return pack([...faults, ...largest, ...lengths]);
  }

  /** The model's outputs, with averaged weights where there are any, and without those that masks leave out. */
  predict(x: Tensor, masks: Variables): Tensor {
    const { graph, loss, variables, masking, codings } = this.parts;
    const reader = (key: string): Tensor => {
      const value = seen(codings, key, (variables.averages.has(key) ? variables.averages : variables.weights).read(key), variables.steps);
      return masking === 'final' ? value : masked(key, value, masks);
    };
    return forward(graph, reader, [x], { training: false, logits: loss.onLogits })[0]!;
  }

  /** The numbers as scalars, in the order in which `numbers` lists them. */
  private inputs(numbers: Tensor) {
    const { optimizer } = this.parts;
    const scalars = unpack(numbers);
    const count = optimizer.numbers(1, 1).length;
    const ofSteps = STEP_RULE.numbers(1, 1).length;
    return {
      optimizer: scalars.slice(0, count),
      decay: scalars[count]!,
      momentum: scalars[count + 1]!,
      penalty: scalars[count + 2]!,
      scoreRate: scalars[count + 3]!,
      bit: scalars[count + 4]!,
      pull: scalars[count + 5]!,
      stepRule: scalars.slice(count + 6, count + 6 + ofSteps),
      clipping: scalars.slice(count + 6 + ofSteps),
    };
  }

  /** [batch]: the sample's own weight times that of its class. */
  private sampleWeights({ y, w }: BatchTensors): Tensor | null {
    const { classWeights } = this.parts;
    if (!classWeights) return w;
    // As rows: tfjs' own gather reads the numbers of classes on the host.
    const byClass = tf.tensor2d(classWeights.slice(), [classWeights.length, 1]);
    const rows = tf.reshape(y, [y.shape[0]!, -1]);
    const classes = rows.shape[1] === 1 ? tf.cast(tf.reshape(rows, [-1]), 'int32') : tf.argMax(rows, -1);
    const ofClass = tf.reshape(gatherRows(byClass, classes), [-1]);
    return w ? tf.mul(ofClass, w) : ofClass;
  }
}

/** √ of the sum of squares of all elements. */
function lengthOf(tensors: readonly Tensor[]): Tensor {
  return tf.sqrt(tf.mul(tf.sum(pack(tensors.map(l2Loss))), 2));
}

function accuracyOf({ name }: Loss, output: Tensor, y: Tensor): Tensor {
  const right = (hits: Tensor): Tensor => tf.mean(tf.cast(hits, 'float32'));
  switch (name) {
    case 'sparse_categorical_crossentropy':
      return right(tf.equal(tf.reshape(tf.argMax(output, -1), [-1]), tf.reshape(classNumbers(y), [-1])));
    case 'categorical_crossentropy':
      return right(tf.equal(tf.argMax(output, -1), tf.argMax(tf.reshape(asNumbers(output, y), output.shape), -1)));
    case 'binary_crossentropy':
      return right(tf.equal(tf.greater(output, 0), tf.greater(tf.reshape(y, output.shape), 0.5)));
    default:
      return tf.scalar(Number.NaN);
  }
}

/** The axes within one output unit: all but the output's unless the layer's class says otherwise, or all where the tensor is one unit. */
function unitAxes({ role, shape, axes, unitAxes: own }: WeightSpec): readonly number[] {
  const all = shape.map((_, axis) => axis);
  if (own) return own;
  return role === 'kernel' && axes ? all.filter((axis) => axis !== axes.output) : all;
}
