/** What a stage of a recipe has left, for `result.recipe`. */
import type { ModelDocument } from '../../model/document.ts';
import { fileBytes, isWritable } from '../../model/formats/index.ts';
import type { Interval } from '../../report/intervals.ts';
import { type Quality, quality, type SampleScores } from '../../report/scores.ts';

export interface StageReport {
  name: 'original' | 'removal' | 'fine_tuning' | 'rate';
  /** Of the attempt in which it ended: what a resumed one did before is not in it. */
  seconds: number;
  /** Whole files. */
  esp_bytes: number;
  keras_bytes: number | null;
  parameters: number;
  /** Those that are not zero. */
  weights_kept: number;
  /** On the selection split. */
  selection: { loss: Interval; error: Quality['error'] };
}

export async function stageReport(
  name: StageReport['name'],
  began: number,
  document: ModelDocument,
  scores: SampleScores,
): Promise<StageReport> {
  const seconds = (performance.now() - began) / 1000;
  let [parameters, kept] = [0, 0];
  for (const { data } of document.weights.values()) {
    parameters += data.length;
    for (const value of data) if (value !== 0) kept++;
  }
  const { loss, error } = quality(scores);
  return {
    name,
    seconds,
    esp_bytes: await fileBytes(document, 'esp'),
    keras_bytes: isWritable(document, 'keras') ? await fileBytes(document, 'keras') : null,
    parameters,
    weights_kept: kept,
    selection: { loss, error },
  };
}
