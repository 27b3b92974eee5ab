/** What the result says of a cut towards a time: the table that it was chosen by, and what became of the prediction. */
import type { ChannelMap } from './groups.ts';
import { type LatencyTable, PredictedLatency, unitsLeftOf, wholeMs } from './latency-table.ts';
import type { Removed } from './surgery.ts';

/** A median with its 95 % interval, of the cut model's time over the original's. */
export interface MeasuredRatio {
  value: number;
  low: number;
  high: number;
  /** Runs of each model. */
  pairs: number;
  /** Whole models that were timed until one fitted. */
  candidates: number;
}

export interface LatencyReport {
  batch_size: number;
  /** What the table took, and at how many calls its times were taken. */
  timing: { seconds: number; calls: number };
  /** The cut model's time over the original's: by the table, and measured. */
  predicted: number;
  measured: MeasuredRatio;
  groups: GroupTimes[];
  /** Layers whose time is taken in proportion to multiply-accumulates. */
  not_timed: LatencyTable['not_timed'];
}

/** Milliseconds are those of all calls that hang on the group, with every other group whole. */
export interface GroupTimes {
  layers: string[];
  units: number;
  kept: number;
  ms: { whole: number; kept: number };
  /** The table of the group: at so many units, ascending. */
  widths: { units: number; ms: number }[];
}

export function latencyReport(table: LatencyTable, map: ChannelMap, removed: Removed, measured: MeasuredRatio): LatencyReport {
  const left = unitsLeftOf(table, map, removed);
  const alone = new PredictedLatency(table);
  return {
    batch_size: table.batch_size,
    timing: { seconds: table.seconds, calls: table.calls.length },
    predicted: new PredictedLatency(table, left).total() / wholeMs(table),
    measured,
    groups: table.groups.map(({ layers, units, widths }, group) => ({
      layers,
      units,
      kept: left[group]!,
      ms: { whole: alone.ofGroup(group, units), kept: alone.ofGroup(group, left[group]!) },
      widths: [...widths, units].map((width) => ({ units: width, ms: alone.ofGroup(group, width) })),
    })),
    not_timed: table.not_timed,
  };
}
