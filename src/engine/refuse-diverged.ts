import type { Dataset } from '../dataset/batches.ts';
import { Problem } from '../errors.ts';
import type { ModelDocument } from '../model/document.ts';
import { predict } from './probe.ts';
import { PROBE_SAMPLES, probeInputs } from './probe-inputs.ts';
import { tf } from './tensorflow.ts';

const ADVICE =
  'Lower the learning rate, clip by global_norm, standardize the data, or let on_non_finite be fail, which says at which step it began.';

/**
 * Throws Problem TRAINING_DIVERGED where the result has weights that are no finite numbers, or computes none where the original does: no file of it could be
 * compared with it.
 */
export function refuseDiverged(original: ModelDocument, result: ModelDocument, data: Dataset): void {
  for (const [key, { data: values }] of result.weights) {
    const at = firstNotFinite(values);
    if (at >= 0) throw diverged(`${key} holds ${values[at]} at index ${at}`);
  }
  const predicted = notFinite(result, data);
  // Of data that are too large for either model the training is not to blame.
  if (predicted !== null && notFinite(original, data) === null) throw diverged(`the model predicts ${predicted}`);
}

/** The first of what a model predicts that is no finite number, for some samples of the data; null where there is none. */
function notFinite(document: ModelDocument, data: Dataset): number | null {
  const inputs = probeInputs(data, document, PROBE_SAMPLES);
  const outputs = predict(document, [inputs]);
  const values = outputs.map((output) => output.dataSync<'float32'>());
  tf.dispose([inputs, ...outputs]);
  const found = values.find((of) => firstNotFinite(of) >= 0);
  return found ? found[firstNotFinite(found)]! : null;
}

function diverged(what: string): Problem {
  return new Problem('TRAINING_DIVERGED', `At the end ${what}. ${ADVICE}`);
}

function firstNotFinite(values: Float32Array): number {
  for (let at = 0; at < values.length; at++) if (!Number.isFinite(values[at]!)) return at;
  return -1;
}
