/** Losses, as Keras 3 defines them: the mean over the batch, a scalar. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { LossName } from '../jobs/spec/index.ts';
import { sparseSoftmaxCrossEntropy } from './raw-ops.ts';
import { tf } from './tensorflow.ts';

export type ResolvedLoss = Exclude<LossName, 'auto'>;

export interface Loss {
  name: ResolvedLoss;
  /** Whether `value` takes what enters the final softmax or sigmoid, which is exact where probabilities would round to 0 or 1. */
  onLogits: boolean;
  /** `prediction` [batch, ...]; `target` int32 for class numbers, else float32. Differentiable with respect to the prediction. */
  value(prediction: Tensor, target: Tensor): Tensor;
}

const LOSSES: Record<ResolvedLoss, Omit<Loss, 'name'>> = {
  sparse_categorical_crossentropy: {
    onLogits: true,
    value: (logits, labels) => {
      const rows = tf.reshape(logits, [-1, logits.shape.at(-1)!]);
      const crossEntropy = tf.customGrad((...inputs) => {
        const [flat, save] = inputs as unknown as [Tensor, (tensors: Tensor[]) => void];
        const { loss, gradient } = sparseSoftmaxCrossEntropy(flat, tf.reshape(labels, [-1]));
        save([gradient]);
        return { value: loss, gradFunc: (dy, saved) => tf.mul(tf.expandDims(dy as Tensor, 1), (saved as Tensor[])[0]!) };
      });
      return tf.mean(crossEntropy(rows));
    },
  },
  categorical_crossentropy: {
    onLogits: true,
    value: (logits, target) => tf.mean(tf.neg(tf.sum(tf.mul(tf.reshape(target, logits.shape), tf.logSoftmax(logits)), -1))),
  },
  binary_crossentropy: {
    onLogits: true,
    // max(z, 0) - z·y + log(1 + exp(-|z|)), which no z overflows.
    value: (logits, target) => {
      const y = tf.reshape(target, logits.shape);
      return tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, y)), tf.log1p(tf.exp(tf.neg(tf.abs(logits))))));
    },
  },
  mean_squared_error: {
    onLogits: false,
    value: (prediction, target) => tf.mean(tf.square(tf.sub(prediction, tf.reshape(target, prediction.shape)))),
  },
  mean_absolute_error: {
    onLogits: false,
    value: (prediction, target) => {
      const error = tf.sub(prediction, tf.reshape(target, prediction.shape));
      // |e| whose derivative at 0 is 0, as in TensorFlow; that of tf.abs is -1 there.
      return tf.mean(tf.mul(error, tf.sign(error)));
    },
  },
  huber: {
    onLogits: false,
    // Keras' delta is 1: ½e² up to |e| = 1, then |e| - ½.
    value: (prediction, target) => {
      const error = tf.abs(tf.sub(prediction, tf.reshape(target, prediction.shape)));
      const small = tf.minimum(error, 1);
      return tf.mean(tf.add(tf.mul(tf.square(small), 0.5), tf.sub(error, small)));
    },
  },
};

/** The loss of a name that `checkJob` has resolved. */
export function lossOf(name: LossName): Loss {
  if (name === 'auto') throw new Error("The loss is still 'auto'; it is resolved when the job is posted");
  return { name, ...LOSSES[name] };
}

/** Whether the loss compares classes, so that accuracy means something. */
export function isClassification(name: ResolvedLoss): boolean {
  return name.endsWith('crossentropy');
}
