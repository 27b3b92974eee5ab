/** Losses, as Keras 3 defines them. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LossName, Training } from '../jobs/spec/index.ts';
import { softmaxCrossEntropy, sparseSoftmaxCrossEntropy } from './raw-ops.ts';
import { tf } from './tensorflow.ts';

export type ResolvedLoss = Exclude<LossName, 'auto'>;

export interface Loss {
  name: ResolvedLoss;
  /** Whether it takes what enters the final softmax or sigmoid, which is exact where probabilities would round to 0 or 1. */
  onLogits: boolean;
  options: LossOptions;
  /**
   * The value of each sample and position, [batch, positions], for `prediction` [batch, ...] and `target`: what it is to be, or class numbers [batch].
   * Differentiable with respect to the prediction.
   */
  values(prediction: Tensor, target: Tensor): Tensor;
}

export type LossOptions = Pick<Training, 'label_smoothing' | 'huber_delta'>;

interface Definition {
  onLogits: boolean;
  values(prediction: Tensor, target: Tensor, options: LossOptions): Tensor;
}

const LOSSES: Record<ResolvedLoss, Definition> = {
  sparse_categorical_crossentropy: {
    onLogits: true,
    values: (logits, labels, { label_smoothing: smoothing }) => {
      const rows = rowsOf(logits);
      const numbers = tf.reshape(labels, [-1]);
      if (smoothing > 0) return perSample(logits, smoothed(rows, oneHot(numbers, rows.shape[1]!), smoothing));
      return perSample(
        logits,
        fused(rows, (flat) => sparseSoftmaxCrossEntropy(flat, numbers)),
      );
    },
  },
  categorical_crossentropy: {
    onLogits: true,
    values: (logits, target, { label_smoothing: smoothing }) => {
      const rows = rowsOf(logits);
      return perSample(logits, smoothed(rows, tf.reshape(target, rows.shape), smoothing));
    },
  },
  binary_crossentropy: {
    onLogits: true,
    // max(z, 0) - z·y + log(1 + exp(-|z|)), which no z overflows.
    values: (logits, target, { label_smoothing: smoothing }) => {
      const y = tf.reshape(target, logits.shape);
      const soft = smoothing > 0 ? tf.add(tf.mul(y, 1 - smoothing), smoothing / 2) : y;
      return perElement(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, soft)), tf.log1p(tf.exp(tf.neg(tf.abs(logits))))));
    },
  },
  mean_squared_error: {
    onLogits: false,
    values: (prediction, target) => perElement(tf.square(errorOf(prediction, target))),
  },
  mean_absolute_error: {
    onLogits: false,
    values: (prediction, target) => {
      const error = errorOf(prediction, target);
      // |e| whose derivative at 0 is 0, as in TensorFlow; that of tf.abs is -1 there.
      return perElement(tf.mul(error, tf.sign(error)));
    },
  },
  huber: {
    onLogits: false,
    // ½e² up to |e| = δ, then δ|e| - ½δ².
    values: (prediction, target, { huber_delta: delta }) => {
      const error = tf.abs(errorOf(prediction, target));
      const small = tf.minimum(error, delta);
      return perElement(tf.add(tf.mul(tf.square(small), 0.5), tf.mul(tf.sub(error, small), delta)));
    },
  },
  cosine_similarity: {
    onLogits: false,
    // From -1, the same direction, to 1.
    values: (prediction, target) => {
      const rows = rowsOf(prediction);
      const unit = (x: Tensor): Tensor => tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), -1, true), 1e-12)));
      return perSample(prediction, tf.neg(tf.sum(tf.mul(unit(rows), unit(tf.reshape(target, rows.shape))), -1)));
    },
  },
  kl_divergence: {
    onLogits: false,
    // Σ y·log(y / p), both clipped to [1e-7, 1].
    values: (prediction, target) => {
      const p = tf.clipByValue(rowsOf(prediction), 1e-7, 1);
      const y = tf.clipByValue(tf.reshape(target, p.shape), 1e-7, 1);
      return perSample(prediction, tf.sum(tf.mul(y, tf.log(tf.div(y, p))), -1));
    },
  },
};

function rowsOf(tensor: Tensor): Tensor {
  return tf.reshape(tensor, [-1, tensor.shape.at(-1)!]);
}

function errorOf(prediction: Tensor, target: Tensor): Tensor {
  return tf.sub(prediction, tf.reshape(target, prediction.shape));
}

/** Values of rows as [batch, positions]. */
function perSample(prediction: Tensor, values: Tensor): Tensor {
  return tf.reshape(values, [prediction.shape[0]!, -1]);
}

/** Values of elements as [batch, elements]: with equal numbers of elements their mean is Keras' mean of means. */
function perElement(values: Tensor): Tensor {
  return tf.reshape(values, [values.shape[0]!, -1]);
}

function oneHot(labels: Tensor, classes: number): Tensor {
  return tf.cast(tf.oneHot(labels as import('@tensorflow/tfjs-node-gpu').Tensor1D, classes), 'float32');
}

function smoothed(rows: Tensor, target: Tensor, smoothing: number): Tensor {
  const soft = smoothing > 0 ? tf.add(tf.mul(target, 1 - smoothing), smoothing / rows.shape[1]!) : target;
  return fused(rows, (flat) => softmaxCrossEntropy(flat, soft));
}

/** A cross-entropy whose operation gives its gradient along. */
function fused(rows: Tensor, operation: (rows: Tensor) => { loss: Tensor; gradient: Tensor }): Tensor {
  return tf.customGrad((...inputs) => {
    const [flat, save] = inputs as unknown as [Tensor, (tensors: Tensor[]) => void];
    const { loss, gradient } = operation(flat);
    save([gradient]);
    return { value: loss, gradFunc: (dy, saved) => tf.mul(tf.expandDims(dy as Tensor, 1), (saved as Tensor[])[0]!) };
  })(rows);
}

/** The loss of a name that `checkJob` has resolved. */
export function lossOf(name: LossName, options: LossOptions): Loss {
  if (name === 'auto') throw new Error("The loss is still 'auto'; it is resolved when the job is posted");
  const { onLogits, values } = LOSSES[name];
  const taken = name === 'sparse_categorical_crossentropy' ? (_: Tensor, target: Tensor) => classNumbers(target) : asNumbers;
  return { name, onLogits, options, values: (prediction, target) => values(prediction, taken(prediction, target), options) };
}

/** A target as float32, as it may be stored as whole numbers; class numbers for several outputs become rows of 0s with a single 1. */
export function asNumbers(prediction: Tensor, target: Tensor): Tensor {
  const outputs = prediction.size / prediction.shape[0]!;
  if (outputs > 1 && target.rank === 1) return oneHot(classNumbers(target), outputs);
  return target.dtype === 'float32' ? target : tf.cast(target, 'float32');
}

/** Class numbers as int32; those of positions are stored as float32. */
export function classNumbers(target: Tensor): Tensor {
  return target.dtype === 'int32' ? target : tf.cast(target, 'int32');
}

/** The mean of a loss over a batch, each sample's values times its weight (float32 [batch]) where there are weights. */
export function meanLoss(loss: Loss, prediction: Tensor, target: Tensor, weights: Tensor | null): Tensor {
  const values = loss.values(prediction, target);
  return tf.mean(weights ? tf.mul(values, tf.expandDims(weights, 1)) : values);
}

/** Whether the loss compares classes, so that accuracy means something. */
export function isClassification(name: LossName): boolean {
  return name.endsWith('crossentropy');
}
