/** Cuts that are a list of steps, each of which leaves less: as few are taken as the target needs. */
import { Problem } from '../../errors.ts';
import { measureOf, type PruneSpec } from '../../jobs/spec/index.ts';
import { parameterCount, totalMacs } from '../../model/costs.ts';
import type { ModelDocument } from '../../model/document.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { Cancelled } from '../cancelled.ts';
import { measureLatency } from '../latency.ts';
import { outputFormats } from '../output-formats.ts';
import { probeInputs } from '../probe-inputs.ts';
import type { TrainingRunParts } from '../run/index.ts';
import { CANDIDATE_SECONDS } from './choose-units.ts';

/**
 * The fewest steps after which no more than `kept` of the original's measure is left, and the document after them. `after` must never leave more for more
 * steps. Throws Problem TARGET_OUT_OF_REACH with `remedy` where all of them leave more.
 */
export async function fewestSteps(
  count: number,
  after: (steps: number) => ModelDocument,
  kept: number,
  spec: PruneSpec,
  parts: TrainingRunParts,
  remedy: string,
): Promise<{ steps: number; document: ModelDocument }> {
  const { measure } = measureOf(spec.pruning.target);
  const measured = await costOf(spec, parts);
  try {
    let low = 0;
    let high = count;
    let best = after(high);
    const least = await measured.cost(best);
    if (least > kept) {
      throw new Problem(
        'TARGET_OUT_OF_REACH',
        `${kept.toFixed(4)} of the original's ${measure} are asked for; with everything cut that may be ${least.toFixed(4)} are left. ${remedy}`,
      );
    }
    while (low < high) {
      if (parts.cancelled()) throw new Cancelled();
      const middle = (low + high) >> 1;
      const document = after(middle);
      if ((await measured.cost(document)) <= kept) {
        high = middle;
        best = document;
      } else low = middle + 1;
    }
    return { steps: low, document: best };
  } finally {
    measured.dispose();
  }
}

/** A document's part of the original in what the target counts. */
async function costOf(
  spec: PruneSpec,
  parts: TrainingRunParts,
): Promise<{ cost(document: ModelDocument): Promise<number>; dispose(): void }> {
  const { pruning, evaluation, seed } = spec;
  const original = parts.document;
  const { measure } = measureOf(pruning.target);
  const dispose = (): void => {};
  switch (measure) {
    case 'macs':
      return { cost: async ({ graph }) => totalMacs(graph) / totalMacs(original.graph), dispose };
    case 'parameters':
      return { cost: async ({ graph }) => parameterCount(graph).total / parameterCount(original.graph).total, dispose };
    case 'bytes': {
      const [format] = outputFormats(spec, original);
      const whole = await fileBytes(original, format);
      return { cost: async (document) => (await fileBytes(document, format)) / whole, dispose };
    }
    case 'latency': {
      const inputs = probeInputs(parts.data, original, evaluation.latency_batch_size);
      // The upper end: what is chosen shall still be below when it is measured again.
      const cost = async (document: ModelDocument) => measureLatency(original, document, inputs, seed, CANDIDATE_SECONDS).ratio.high;
      return { cost, dispose: () => inputs.dispose() };
    }
    default:
      throw new Error(`${pruning.structure.type} has no target of ${measure}`);
  }
}
