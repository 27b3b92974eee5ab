/** How good a model is on a split: per-sample losses and hits, and metrics, computed on the host from logits in float64. */
import type { Dataset } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';
import type { Monitored, Training } from '../jobs/spec/index.ts';
import type { Graph } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import { meanInterval } from '../report/intervals.ts';
import { isRight, metersOf, resolveMetrics, sampleReader, taskOf } from '../report/metrics/index.ts';
import type { SampleScores } from '../report/scores.ts';
import { inputShape } from './batch.ts';
import { isClassification, type Loss } from './losses.ts';
import { forward, type WeightReader } from './network.ts';
import { sampleLoss } from './sample-loss.ts';
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

/** Scores of every sample of a split, in the split's order, and the metrics asked for. `cancelled` is called before each batch and may throw. */
export function evaluate(
  predict: Predictor,
  graph: Graph,
  data: Dataset,
  split: SplitName,
  loss: Loss,
  asked: Pick<Training, 'metrics' | 'top_k'>,
  cancelled: () => void,
): SampleScores {
  const { size: samples, samples: numbers } = data.split(split);
  const batchSize = predictionBatchSize(data);
  const outputShape = graph.outputs[0]!.shape;
  const classes = data.facts.y?.classes ?? null;
  const task = taskOf(loss.name, outputShape, classes);
  const names = resolveMetrics(asked.metrics, { loss: loss.name, outputs: outputShape, classes, top_k: asked.top_k, samples });
  const meters = metersOf(names, task, samples, asked.top_k);
  const sampleOf = sampleReader(task);
  const lossOf = sampleLoss(loss, outputShape.at(-1) ?? null, classes);
  const losses = new Float64Array(samples);
  const hits = new Uint8Array(samples);
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
      const output = outputs.subarray(index * width, (index + 1) * width);
      const target = targets.subarray(index * targetWidth, (index + 1) * targetWidth);
      const sample = sampleOf(start + index, output, target);
      losses[start + index] = lossOf(output, target);
      hits[start + index] = task.decisions && isRight(sample) ? 1 : 0;
      meters.add(sample);
    }
  }
  return { kind: isClassification(loss.name) ? 'classification' : 'regression', losses, hits, metrics: meters.measurements() };
}

/** What is monitored of the scores of the selection split; null where it leaves a metric undefined. */
export function monitoredValues({ losses, metrics }: SampleScores): Partial<Record<Monitored, number | null>> {
  const measured = Object.entries(metrics).map(([name, measurement]) => [`val_${name}`, measurement?.value ?? null]);
  return { val_loss: meanInterval(losses).value, ...Object.fromEntries(measured) };
}
