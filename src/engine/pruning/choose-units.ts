/** Which units one cut removes, for whatever measure the target counts. */
import { Problem } from '../../errors.ts';
import { type MeasureName, measureOf, type PruneSpec } from '../../jobs/spec/index.ts';
import { parameterCount, totalMacs } from '../../model/costs.ts';
import type { ModelDocument } from '../../model/document.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { type AllocationOptions, allocate, furthestCut, type GroupLimits } from '../../pruning/allocation.ts';
import { fitMeasured } from '../../pruning/fit-measured.ts';
import type { ChannelGroup, ChannelMap } from '../../pruning/groups.ts';
import { bytesMeasure, type Measure, macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { type Removed, removeUnits } from '../../pruning/surgery.ts';
import { Cancelled } from '../cancelled.ts';
import { measureLatency } from '../latency.ts';
import { outputFormats } from '../output-formats.ts';
import { probeInputs } from '../probe-inputs.ts';
import type { TrainingRunParts } from '../training-run.ts';

export interface UnitChoice {
  document: ModelDocument;
  map: ChannelMap;
  groups: readonly ChannelGroup[];
  /** By unit number. */
  scores: Float64Array;
  limits: GroupLimits & Pick<AllocationOptions, 'scope'>;
  /** The fraction kept of the original's measure. */
  kept: number;
}

/** Files are written, and models timed, at most so often for one cut. */
const ATTEMPTS = { bytes: 8, latency: 6 };
/** A file is aimed this far below its limit where weights will still be trained: their bytes deflate a little better or worse then. */
const BYTES_MARGIN = 0.003;
const BYTES_TOLERANCE = 0.005;
const LATENCY_TOLERANCE = 0.03;
/** For which one candidate is timed. */
export const CANDIDATE_SECONDS = 0.6;

/** Throws Problem TARGET_OUT_OF_REACH where every group at its limit is still more than the target allows. */
export async function chooseUnits(choice: UnitChoice, spec: PruneSpec, parts: TrainingRunParts): Promise<Removed> {
  const { map, groups, scores, limits, kept } = choice;
  const { measure } = measureOf(spec.pruning.target);
  const original = parts.document;
  const within = (counted: Measure, limit: number): Removed => allocate(map, groups, scores, { ...limits, measure: counted, limit });
  switch (measure) {
    case 'macs':
      return within(macsMeasure(map), kept * totalMacs(original.graph));
    case 'parameters':
      return within(parametersMeasure(map), kept * parameterCount(original.graph).total);
    case 'bytes':
      return inBytes(choice, within, spec, original);
    case 'latency':
      return inTime(choice, within, spec, parts);
    case 'sparsity':
      throw new Error('Channels have no target of sparsity');
  }
}

type Within = (counted: Measure, limit: number) => Removed;

async function inBytes({ document, map, groups, limits, kept }: UnitChoice, within: Within, spec: PruneSpec, original: ModelDocument) {
  const [format] = outputFormats(spec, original);
  const whole = await fileBytes(document, format);
  const trained = (spec.fine_tuning?.epochs ?? 0) > 0;
  const limit = kept * (await fileBytes(original, format)) * (trained ? 1 - BYTES_MARGIN : 1);
  const estimate = bytesMeasure(document, map, whole);
  const fitted = await fitMeasured({
    limit,
    least: estimate.of(furthestCut(map, groups, limits)),
    most: whole,
    guess: limit,
    attempts: ATTEMPTS.bytes,
    tolerance: BYTES_TOLERANCE,
    measureAt: async (place) => {
      const cut = within(estimate, place);
      return { cut, cost: await fileBytes(removeUnits(document, map, cut), format) };
    },
  });
  return fitted?.cut ?? outOfReach('bytes', kept);
}

/** Whole candidates are timed in turn with the original; multiply-accumulates say where to look. */
async function inTime({ document, map, groups, limits, kept }: UnitChoice, within: Within, spec: PruneSpec, parts: TrainingRunParts) {
  const measure = macsMeasure(map);
  const most = measure.of(new Uint8Array(map.unitCount));
  const inputs = probeInputs(parts.data, parts.document, spec.evaluation.latency_batch_size);
  try {
    const fitted = await fitMeasured({
      limit: kept,
      least: measure.of(furthestCut(map, groups, limits)),
      most,
      guess: kept * most,
      attempts: ATTEMPTS.latency,
      tolerance: LATENCY_TOLERANCE,
      measureAt: async (place) => {
        if (parts.cancelled()) throw new Cancelled();
        const cut = within(measure, place);
        const { ratio } = measureLatency(parts.document, removeUnits(document, map, cut), inputs, spec.seed, CANDIDATE_SECONDS);
        // The upper end: what is chosen shall still be below when it is measured again.
        return { cut, cost: ratio.high };
      },
    });
    return fitted?.cut ?? outOfReach('latency', kept);
  } finally {
    inputs.dispose();
  }
}

function outOfReach(measure: MeasureName, kept: number): never {
  throw new Problem(
    'TARGET_OUT_OF_REACH',
    `${kept.toFixed(4)} of the original's ${measure} are asked for; with every group at its limit more is left. Raise max_ratio, lower min_channels or round_to, or exclude fewer layers.`,
  );
}
