import { Problem } from '../errors.ts';
import { readModel } from '../model/formats/index.ts';
import type { VerifyFrame } from '../worker/frames.ts';
import { compareWithProbe } from './probe.ts';

/**
 * Loads an exported model and says how far its predictions are from the probe's. Run in a process that did not make the model.
 * Throws Problem VERIFICATION_FAILED where there is nothing finite to compare, and those of `readModel`.
 */
export async function verify(frame: VerifyFrame): Promise<{ max_relative_difference: number; samples: number }> {
  const compared = compareWithProbe(frame.probe_path, await readModel(frame.model_path));
  if (!Number.isFinite(compared.max_relative_difference)) {
    throw new Problem('VERIFICATION_FAILED', 'The model predicts NaN or infinite values, which nothing can be compared with.');
  }
  return compared;
}
