/** How good a model is on a split: per-sample losses and hits, computed on the host from logits in float64. */
import type { Dataset } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';
import type { Graph } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import type { SampleScores } from '../report/scores.ts';
import { inputShape } from './batch.ts';
import { isClassification, type Loss } from './losses.ts';
import { forward, type WeightReader } from './network.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';

const BATCH_ELEMENTS = 2 ** 22;
const LARGEST_BATCH = 1024;

/** Scores of every sample of a split, in the split's order. */
export function evaluate(
  graph: Graph,
  weights: WeightReader,
  data: Dataset,
  split: SplitName,
  loss: Loss,
  cancelled: () => void,
): SampleScores {
  const { size: samples } = data.split(split);
  const batchSize = Math.max(1, Math.min(LARGEST_BATCH, Math.floor(BATCH_ELEMENTS / size(data.facts.x.shape))));
  const scores: SampleScores = {
    kind: isClassification(loss.name) ? 'classification' : 'regression',
    losses: new Float64Array(samples),
    hits: new Uint8Array(samples),
    absoluteErrors: new Float64Array(samples),
  };
  for (let start = 0; start < samples; start += batchSize) {
    cancelled();
    const { x, y } = data.read(split, start, batchSize);
    const count = Math.min(batchSize, samples - start);
    const outputs = scope(() => {
      const input = tf.tensor(x, [count, ...inputShape(graph, data.facts.x.shape)], 'float32');
      const [output] = forward(graph, weights, [input], { training: false, logits: loss.onLogits });
      return output!.dataSync<'float32'>();
    });
    const width = outputs.length / count;
    const targetWidth = y!.length / count;
    for (let index = 0; index < count; index++) {
      const output = outputs.subarray(index * width, (index + 1) * width);
      const target = y!.subarray(index * targetWidth, (index + 1) * targetWidth);
      const score = SCORES[loss.name](output, target, graph.outputs[0]!.shape.at(-1) ?? width);
      scores.losses[start + index] = score.loss;
      scores.hits[start + index] = score.hit ? 1 : 0;
      scores.absoluteErrors[start + index] = score.absoluteError;
    }
  }
  return scores;
}

type Numbers = Float32Array | Int32Array;
interface Score {
  loss: number;
  hit: boolean;
  absoluteError: number;
}

function largest(values: Numbers): number {
  let at = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[at]!) at = index;
  return at;
}

/** log Σ exp(z), without overflow. */
function logSumExp(logits: Numbers): number {
  const top = logits[largest(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return top + Math.log(sum);
}

function regression(loss: (error: number) => number) {
  return (output: Numbers, target: Numbers): Score => {
    let total = 0;
    let absolute = 0;
    for (let index = 0; index < output.length; index++) {
      const error = output[index]! - target[index]!;
      total += loss(error);
      absolute += Math.abs(error);
    }
    return { loss: total / output.length, hit: false, absoluteError: absolute / output.length };
  };
}

/** Of one sample. Where a sample has several positions (a sequence of classes), the mean over them; a hit is a hit at every position. */
const SCORES: Record<Loss['name'], (output: Numbers, target: Numbers, classes: number) => Score> = {
  sparse_categorical_crossentropy: (output, target, classes) => {
    let loss = 0;
    let hit = true;
    for (let position = 0; position < target.length; position++) {
      const logits = output.subarray(position * classes, (position + 1) * classes);
      loss += logSumExp(logits) - logits[target[position]!]!;
      hit &&= largest(logits) === target[position];
    }
    return { loss: loss / target.length, hit, absoluteError: 0 };
  },
  categorical_crossentropy: (output, target, classes) => {
    let loss = 0;
    let hit = true;
    for (let from = 0; from < output.length; from += classes) {
      const logits = output.subarray(from, from + classes);
      const wanted = target.subarray(from, from + classes);
      const normaliser = logSumExp(logits);
      for (let index = 0; index < classes; index++) loss += wanted[index]! * (normaliser - logits[index]!);
      hit &&= largest(logits) === largest(wanted);
    }
    return { loss: (loss * classes) / output.length, hit, absoluteError: 0 };
  },
  binary_crossentropy: (output, target) => {
    let loss = 0;
    let hit = true;
    for (let index = 0; index < output.length; index++) {
      const z = output[index]!;
      loss += Math.max(z, 0) - z * target[index]! + Math.log1p(Math.exp(-Math.abs(z)));
      hit &&= z > 0 === target[index]! > 0.5;
    }
    return { loss: loss / output.length, hit, absoluteError: 0 };
  },
  mean_squared_error: regression((error) => error * error),
  mean_absolute_error: regression(Math.abs),
  huber: regression((error) => (Math.abs(error) <= 1 ? 0.5 * error * error : Math.abs(error) - 0.5)),
};
