import { readModel } from '../model/formats/index.ts';
import type { VerifyFrame } from '../worker/frames.ts';
import { compareWithProbe } from './probe.ts';

/** Loads an exported model and says how far its predictions are from the probe's. Run in a process that did not make the model. */
export async function verify(frame: VerifyFrame): Promise<{ max_relative_difference: number; samples: number }> {
  return compareWithProbe(frame.probe_path, await readModel(frame.model_path));
}
