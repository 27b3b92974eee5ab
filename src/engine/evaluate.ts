/** How good a model is on a split: per-sample losses and right decisions, and metrics, computed on the host from logits in float64. */
import type { Dataset } from '../dataset/batches.ts';
import type { SplitName } from '../dataset/facts.ts';
import type { Monitored, Training } from '../jobs/spec/index.ts';
import type { Graph } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import { type PairedSamples, watchPairs } from '../report/checks/paired-samples.ts';
import { meanInterval } from '../report/intervals.ts';
import { fractionRight, metersOf, type Numbers, resolveMetrics, type Sample, sampleReader, taskOf } from '../report/metrics/index.ts';
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

/** What says how a model's outputs are scored. */
export interface ScoredOutputs {
  graph: Graph;
  data: Dataset;
  loss: Loss;
  asked: Pick<Training, 'metrics' | 'top_k'>;
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
  const scorer = scorerOf({ graph, data, loss, asked }, split);
  eachBatch(data, split, cancelled, (start, batch, targets) => {
    const outputs = predict(batch);
    for (let index = 0; index < batch.count; index++) scorer.add(start + index, ...sampleAt(index, batch.count, outputs, targets));
  });
  return scorer.scores();
}

/** The same of two models on the same batches, and what tells them apart, kept while their outputs stream by. */
export function evaluateBoth(
  models: Record<'original' | 'result', { predict: Predictor; graph: Graph }>,
  data: Dataset,
  split: SplitName,
  loss: Loss,
  asked: Pick<Training, 'metrics' | 'top_k'>,
  cancelled: () => void,
): { original: SampleScores; result: SampleScores; paired: PairedSamples } {
  const original = scorerOf({ graph: models.original.graph, data, loss, asked }, split);
  const result = scorerOf({ graph: models.result.graph, data, loss, asked }, split);
  const watch = watchPairs(original.task, models.original.graph.outputs[0]!.shape, data.split(split).size);
  eachBatch(data, split, cancelled, (start, batch, targets) => {
    const [before, after] = [models.original.predict(batch), models.result.predict(batch)];
    for (let index = 0; index < batch.count; index++) {
      watch.see(
        original.add(start + index, ...sampleAt(index, batch.count, before, targets)),
        result.add(start + index, ...sampleAt(index, batch.count, after, targets)),
      );
    }
  });
  return { original: original.scores(), result: result.scores(), paired: watch.samples };
}

function scorerOf({ graph, data, loss, asked }: ScoredOutputs, split: SplitName) {
  const { size: samples } = data.split(split);
  const outputShape = graph.outputs[0]!.shape;
  const classes = data.facts.y?.classes ?? null;
  const task = taskOf(loss.name, outputShape, classes);
  const names = resolveMetrics(asked.metrics, { loss: loss.name, outputs: outputShape, classes, top_k: asked.top_k, samples });
  const meters = metersOf(names, task, samples, asked.top_k);
  const sampleOf = sampleReader(task);
  const lossOf = sampleLoss(loss, outputShape.at(-1) ?? null, classes);
  const losses = new Float64Array(samples);
  const right = new Float64Array(samples);
  let decisions = 0;
  return {
    task,
    /** The sample counts until the next one is added. */
    add(index: number, output: Numbers, target: Numbers): Sample {
      const sample = sampleOf(index, output, target);
      losses[index] = lossOf(output, target);
      if (task.decisions) {
        decisions = sample.labels.length;
        right[index] = fractionRight(sample);
      }
      meters.add(sample);
      return sample;
    },
    scores: (): SampleScores => ({
      kind: isClassification(loss.name) ? 'classification' : 'regression',
      losses,
      right,
      decisions,
      metrics: meters.measurements(),
    }),
  };
}

/** Samples of a split in batches that are predicted at once; `inputs` of a batch are read once, and only where somebody asks. */
function eachBatch(
  data: Dataset,
  split: SplitName,
  cancelled: () => void,
  see: (start: number, batch: PredictionBatch, targets: Numbers) => void,
): void {
  const { size: samples, samples: numbers } = data.split(split);
  const batchSize = predictionBatchSize(data);
  for (let start = 0; start < samples; start += batchSize) {
    cancelled();
    const count = Math.min(batchSize, samples - start);
    let read: ReturnType<Dataset['read']> | null = null;
    const batch = () => {
      read ??= data.read(split, start, count);
      return read;
    };
    const rows = data.held ? Int32Array.from(numbers.subarray(start, start + count)) : null;
    see(start, { count, rows, inputs: () => batch().x }, data.labels(split, start, count));
  }
}

function sampleAt(index: number, count: number, outputs: Numbers, targets: Numbers): [Numbers, Numbers] {
  const of = (values: Numbers) => values.subarray((index * values.length) / count, ((index + 1) * values.length) / count);
  return [of(outputs), of(targets)];
}

/** What is monitored of the scores of the selection split; null where it leaves a metric undefined. */
export function monitoredValues({ losses, metrics }: SampleScores): Partial<Record<Monitored, number | null>> {
  const measured = Object.entries(metrics).map(([name, measurement]) => [`val_${name}`, measurement?.value ?? null]);
  return { val_loss: meanInterval(losses).value, ...Object.fromEntries(measured) };
}
