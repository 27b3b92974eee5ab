/** What a student learns from a teacher (Hinton 2015). */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Distillation } from '../jobs/spec/index.ts';
import type { Graph, TensorId } from '../model/graph.ts';
import type { Loss } from './losses.ts';
import { forward } from './network.ts';
import { tf } from './tensorflow.ts';
import type { Variables } from './variables.ts';

export interface Teacher {
  graph: Graph;
  weights: Variables;
  options: Distillation;
}

/** What a model says of a batch: its output (logits under losses that take them), and those of layers in the order of `features`. */
export interface Said {
  output: Tensor;
  features: Tensor[];
}

/** The tensor that a layer makes when it is called first. Throws an Error where there is no such layer. */
export function featureOf({ calls }: Graph, layer: string): TensorId {
  const call = calls.find((candidate) => candidate.layer.name === layer);
  if (!call) throw new Error(`No layer ${layer} is called`);
  return call.output;
}

/** The teacher's own words, in inference mode. */
export function taught({ graph, weights, options }: Teacher, x: Tensor, { onLogits }: Loss): Said {
  const wanted = options.features.map(({ teacher_layer }) => featureOf(graph, teacher_layer));
  const seen = new Map<TensorId, Tensor>();
  const [output] = forward(graph, (key) => weights.read(key), [x], {
    training: false,
    logits: onLogits,
    tap: (tensor, value) => {
      if (wanted.includes(tensor)) seen.set(tensor, value);
      return value;
    },
  });
  return { output: output!, features: wanted.map((tensor) => seen.get(tensor)!) };
}

/**
 * The teacher's part of a batch's loss, a scalar: T²·KL(teacher ‖ student) of softmax (or each sigmoid) at the temperature T, or the mean squared difference
 * of outputs, each sample's times its weight (float32 [batch]) where there are weights.
 */
export function outputLesson(loss: Loss, student: Tensor, teacher: Tensor, temperature: number, weights: Tensor | null): Tensor {
  const values = lessonValues(loss, student, teacher, temperature);
  return tf.mean(weights ? tf.mul(values, tf.expandDims(weights, 1)) : values);
}

/** The features' part: the sum of the weighted mean squared differences. */
export function featureLesson({ features }: Distillation, student: readonly Tensor[], teacher: readonly Tensor[]): Tensor | null {
  const terms = features.map(({ weight }, index) => tf.mul(tf.mean(tf.square(tf.sub(student[index]!, teacher[index]!))), weight));
  return terms.length === 0 ? null : terms.reduce((sum, term) => tf.add(sum, term));
}

/** [batch, positions]. */
function lessonValues({ name }: Loss, student: Tensor, teacher: Tensor, temperature: number): Tensor {
  const batch = student.shape[0]!;
  if (name === 'binary_crossentropy') {
    const [z, t] = [student, teacher].map((logits) => tf.div(logits, temperature)) as [Tensor, Tensor];
    const p = tf.sigmoid(t);
    const entropy = (logits: Tensor): Tensor =>
      tf.add(tf.sub(tf.relu(logits), tf.mul(logits, p)), tf.log1p(tf.exp(tf.neg(tf.abs(logits)))));
    return tf.reshape(tf.mul(tf.sub(entropy(z), entropy(t)), temperature ** 2), [batch, -1]);
  }
  if (!name.endsWith('crossentropy')) return tf.reshape(tf.square(tf.sub(student, teacher)), [batch, -1]);
  const [s, t] = [student, teacher].map((logits) => tf.logSoftmax(tf.div(tf.reshape(logits, [-1, logits.shape.at(-1)!]), temperature)));
  const divergence = tf.sum(tf.mul(tf.exp(t!), tf.sub(t!, s!)), -1);
  return tf.reshape(tf.mul(divergence, temperature ** 2), [batch, -1]);
}
