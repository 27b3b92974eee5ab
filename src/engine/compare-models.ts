/** A job of the type `evaluate`: two models on the test split of one data set, measured as the result of any job is measured beside its original. */
import { statSync } from 'node:fs';
import { openDataset } from '../dataset/batches.ts';
import type { EvaluateSpec } from '../jobs/spec/index.ts';
import { atSamples } from '../model/at-samples.ts';
import { readModel } from '../model/formats/index.ts';
import { makeReceipt } from '../report/receipt.ts';
import type { EngineFrame, RunFrame } from '../worker/frames.ts';
import { Cancelled } from './cancelled.ts';
import { checkBoth } from './checked.ts';
import { latencyBatchSizes, measureLatencies } from './latencies.ts';
import { lossOf } from './losses.ts';
import { Reporter } from './reporter.ts';

export interface CompareContext {
  emit(frame: EngineFrame): void;
  cancelled(): boolean;
}

/** To its `finished` frame; makes no model. Throws Problem and Cancelled. */
export async function compareModels(frame: RunFrame, spec: EvaluateSpec, { emit, cancelled }: CompareContext): Promise<void> {
  const reporter = new Reporter(emit, 0);
  reporter.enter('loading');
  const sample = frame.dataset.facts.x.shape;
  const original = atSamples(await readModel(frame.model_path), sample);
  const candidate = atSamples(await readModel(frame.further_models[spec.candidate_model_id]!), sample);
  const data = openDataset(frame.dataset.files, frame.dataset.facts);
  const checkCancelled = (): void => {
    if (cancelled()) throw new Cancelled();
  };
  const loss = lossOf(spec.loss, { label_smoothing: 0, huber_delta: 1 });
  try {
    reporter.started(null);
    reporter.enter('evaluating');
    const { evaluation, seed } = spec;
    const { scores, checks } = checkBoth(original, candidate, { data, loss, asked: spec, evaluation, seed, reporter, checkCancelled });
    reporter.enter('measuring');
    const latency = measureLatencies(original, candidate, data, latencyBatchSizes(spec.evaluation), spec.seed, checkCancelled);
    const { receipt } = await makeReceipt({
      original,
      result: candidate,
      uploadedBytes: statSync(frame.model_path).size,
      formats: [original.source.format],
      smallest: false,
      scores,
      testGiven: data.facts.test_given,
      latency,
      seed: spec.seed,
      maxAccuracyDrop: spec.evaluation.max_accuracy_drop,
    });
    reporter.flush();
    emit({ kind: 'finished', result: { receipt, checks, seconds: reporter.seconds() }, outputs: [] });
  } finally {
    data.close();
  }
}
