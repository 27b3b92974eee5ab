/** Which units one cut removes, for whatever measure the target counts. */
import { Problem } from '../../errors.ts';
import { type MeasureName, measureOf, type PruneSpec } from '../../jobs/spec/index.ts';
import { parameterCount, totalMacs } from '../../model/costs.ts';
import type { ModelDocument } from '../../model/document.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { allocateByTime } from '../../pruning/allocate-by-time.ts';
import { type AllocationOptions, allocate, furthestCut, type GroupLimits } from '../../pruning/allocation.ts';
import { scopeOf } from '../../pruning/cells.ts';
import { fitMeasured } from '../../pruning/fit-measured.ts';
import { fitPredicted } from '../../pruning/fit-predicted.ts';
import type { ChannelGroup, ChannelMap } from '../../pruning/groups.ts';
import { type LatencyReport, latencyReport } from '../../pruning/latency-report.ts';
import { type LatencyTable, latencyMeasure, wholeMs } from '../../pruning/latency-table.ts';
import { bytesMeasure, type Measure, macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { type Removed, removeUnits } from '../../pruning/surgery.ts';
import type { Interval } from '../../report/intervals.ts';
import type { LatencyComparison, TimingSeconds } from '../../report/latency.ts';
import { Cancelled } from '../cancelled.ts';
import { measureLatency } from '../latency.ts';
import { outputFormats } from '../output-formats.ts';
import { probeInputs } from '../probe-inputs.ts';
import type { TrainingRunParts } from '../run/index.ts';

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

/** What a cut removes, and of one towards a time how that was predicted and measured. */
export interface ChosenUnits {
  removed: Removed;
  latency: LatencyReport | null;
}

/** Files are written, and models timed, at most so often for one cut. */
const ATTEMPTS = { bytes: 8, latency: 6 };
/** A file is aimed this far below its limit where weights will still be trained: their bytes deflate a little better or worse then. */
const BYTES_MARGIN = 0.003;
const BYTES_TOLERANCE = 0.005;
const LATENCY_TOLERANCE = 0.03;
/** For which one candidate is timed: what is chosen goes by the upper end of its interval, and noise would cut too far. */
export const CANDIDATE_SECONDS: TimingSeconds = { seconds: 0.6, patience: 15 };

/** `table` has the times of groups where the target is a latency. Throws Problem TARGET_OUT_OF_REACH where every group at its limit is still more than the target allows. */
export async function chooseUnits(
  choice: UnitChoice,
  spec: PruneSpec,
  parts: TrainingRunParts,
  table: LatencyTable | null,
): Promise<ChosenUnits> {
  const { map, groups, scores, limits, kept } = choice;
  const { measure } = measureOf(spec.pruning.target);
  const original = parts.document;
  const within = (counted: Measure, limit: number): Removed => allocate(map, groups, scores, { ...limits, measure: counted, limit });
  const counted = (removed: Removed): ChosenUnits => ({ removed, latency: null });
  switch (measure) {
    case 'macs':
      return counted(within(macsMeasure(map), kept * totalMacs(original.graph)));
    case 'parameters':
      return counted(within(parametersMeasure(map), kept * parameterCount(original.graph).total));
    case 'bytes':
      return counted(await inBytes(choice, within, spec, original));
    case 'latency':
      if (!table) throw new Error('No group was timed');
      return inTime(choice, spec, parts, table);
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

/** The table of times says where to look; whole candidates are timed in turn with the original, and correct it. */
async function inTime(choice: UnitChoice, spec: PruneSpec, parts: TrainingRunParts, table: LatencyTable): Promise<ChosenUnits> {
  const { document, map, groups, limits, kept } = choice;
  const predicted = latencyMeasure(table, map);
  const whole = wholeMs(table);
  const furthest = furthestCut(map, groups, limits);
  const least = predicted.of(furthest);
  const inputs = probeInputs(parts.data, parts.document, spec.evaluation.latency_batch_size);
  const known = new Map<string, LatencyComparison>();
  const timed = (cut: Removed): LatencyComparison => {
    const name = Buffer.from(cut).toString('latin1');
    const comparison =
      known.get(name) ?? measureLatency(parts.document, removeUnits(document, map, cut), inputs, spec.seed, CANDIDATE_SECONDS);
    known.set(name, comparison);
    return comparison;
  };
  try {
    const fitted = await fitPredicted({
      limit: kept,
      least,
      most: predicted.of(new Uint8Array(map.unitCount)),
      guess: kept * whole,
      attempts: ATTEMPTS.latency,
      tolerance: LATENCY_TOLERANCE,
      measureAt: async (place) => {
        if (parts.cancelled()) throw new Cancelled();
        // At the end of the prediction all goes, also what saves no time by the table: whole models may tell otherwise.
        const cut = place <= least ? furthest : withinTime(choice, spec, table, place);
        // The upper end: what is chosen shall still be below when it is measured again.
        return { cut, cost: timed(cut).ratio.high };
      },
    });
    const removed = fitted?.cut ?? outOfReach('latency', kept, timed(furthest).ratio);
    const { ratio, pairs } = timed(removed);
    const measured = { ...ratio, pairs, candidates: known.size };
    return { removed, latency: latencyReport(table, map, removed, measured) };
  } finally {
    inputs.dispose();
  }
}

/** What is cut to a predicted time of `limit` milliseconds: where scores are compared between groups, by score for a millisecond. */
export function withinTime(
  { map, groups, scores, limits }: Pick<UnitChoice, 'map' | 'groups' | 'scores' | 'limits'>,
  { pruning }: PruneSpec,
  table: LatencyTable,
  limit: number,
): Removed {
  // By ranks within a build, and in the scope layer, every group gives what it gives by its fraction.
  if (scopeOf(pruning) === 'global') return allocateByTime(map, groups, scores, { ...limits, table, limit });
  const measure = latencyMeasure(table, map);
  const least = measure.of(furthestCut(map, groups, limits));
  return allocate(map, groups, scores, { ...limits, measure, limit: Math.max(limit, least) });
}

/** `left` is what the furthest cut was measured to leave. */
function outOfReach(measure: MeasureName, kept: number, left?: Interval): never {
  const least = left ? `${left.value.toFixed(3)} (${left.low.toFixed(3)} to ${left.high.toFixed(3)}) is left` : 'more is left';
  throw new Problem(
    'TARGET_OUT_OF_REACH',
    `${kept.toFixed(4)} of the original's ${measure} are asked for; with every group at its limit ${least}. Raise max_ratio, lower min_channels or round_to, or exclude fewer layers${left ? '; larger batches hang less on what each operation costs however narrow it is' : ''}.`,
  );
}
