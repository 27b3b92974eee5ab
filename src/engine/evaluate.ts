/** How good a model is on a split: per-sample losses and hits, computed on the host from logits in float64. */
import type { Dataset } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';
import type { Graph } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import type { SampleScores } from '../report/scores.ts';
import { inputShape } from './batch.ts';
import { isClassification, type Loss } from './losses.ts';
import { forward, type WeightReader } from './network.ts';
import { type SampleLoss, sampleLoss } from './sample-loss.ts';
import { scope } from './scope.ts';
import type { PredictionBatch } from './step/index.ts';
import { tf } from './tensorflow.ts';

const BATCH_ELEMENTS = 2 ** 22;
const LARGEST_BATCH = 1024;

/** The model's outputs for samples, [count, ...]: logits where the loss takes them. */
export type Predictor = (batch: PredictionBatch) => Float32Array;

/** Samples that are predicted at once. */
export function predictionBatchSize(data: Dataset): number {
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(BATCH_ELEMENTS / size(data.facts.x.shape))));
}

/** A predictor that runs a graph operation by operation. */
export function predictorOf(graph: Graph, weights: WeightReader, data: Dataset, loss: Loss): Predictor {
  const shape = inputShape(graph, data.facts.x.shape);
  return ({ count, inputs }) =>
    scope(() => {
      const [output] = forward(graph, weights, [tf.tensor(inputs(), [count, ...shape], 'float32')], {
        training: false,
        logits: loss.onLogits,
      });
      return output!.dataSync<'float32'>();
    });
}

/** Scores of every sample of a split, in the split's order. `cancelled` is called before each batch and may throw. */
export function evaluate(
  predict: Predictor,
  graph: Graph,
  data: Dataset,
  split: SplitName,
  loss: Loss,
  cancelled: () => void,
): SampleScores {
  const { size: samples, samples: numbers } = data.split(split);
  const batchSize = predictionBatchSize(data);
  const scores: SampleScores = {
    kind: isClassification(loss.name) ? 'classification' : 'regression',
    losses: new Float64Array(samples),
    hits: new Uint8Array(samples),
    absoluteErrors: new Float64Array(samples),
  };
  const score: SampleLoss = sampleLoss(loss, graph.outputs[0]!.shape.at(-1) ?? null, data.facts.y?.classes ?? null);
  for (let start = 0; start < samples; start += batchSize) {
    cancelled();
    const count = Math.min(batchSize, samples - start);
    let read: ReturnType<Dataset['read']> | null = null;
    const batch = () => {
      read ??= data.read(split, start, count);
      return read;
    };
    const rows = data.held ? Int32Array.from(numbers.subarray(start, start + count)) : null;
    const outputs = predict({ count, rows, inputs: () => batch().x });
    const targets = data.labels(split, start, count);
    const width = outputs.length / count;
    const targetWidth = targets.length / count;
    for (let index = 0; index < count; index++) {
      const {
        loss: value,
        hit,
        absoluteError,
      } = score(outputs.subarray(index * width, (index + 1) * width), targets.subarray(index * targetWidth, (index + 1) * targetWidth));
      scores.losses[start + index] = value;
      scores.hits[start + index] = hit ? 1 : 0;
      scores.absoluteErrors[start + index] = absoluteError;
    }
  }
  return scores;
}
