/**
 * How long a model takes by the widths of its groups: the sum of its calls, each timed alone at several widths (lookup tables as of NetAdapt, Yang 2018, and
 * HALP, Shen 2021). Predicting needs no device.
 *
 * The time of a call with several axes, such as a convolution's inputs and outputs, is o + (t - o) · Π (f_i - o)/(t - o): t is that of the whole call, f_i that
 * with axis i as wide as it is now, and o what it costs however narrow it gets, chosen so that all axes at their narrowest take what was measured.
 */
import { layerClass } from '../model/layers/index.ts';
import { type CallAxis, type CallPlan, removedBy, widthOf } from './call-widths.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import type { Measure } from './measures.ts';
import { callMacsWithout, type Removed, unitsKept } from './surgery.ts';

export interface TimedAxis extends CallAxis {
  /** Elements along it, ascending, and the milliseconds of the call when every other axis is whole: never falling. */
  points: [width: number, ms: number][];
}

export interface TimedCall {
  layer: string;
  /** Milliseconds with every unit. */
  ms: number;
  overhead: number;
  axes: TimedAxis[];
}

/** Plain JSON, as checkpoints keep it. */
export interface LatencyTable {
  batch_size: number;
  /** What timing took. */
  seconds: number;
  /** Groups that may be cut, with the units they had and the fewer ones, ascending, at which their calls were timed. */
  groups: { key: string; layers: string[]; units: number; widths: number[] }[];
  /** Those whose time hangs on these groups. */
  calls: TimedCall[];
  /** Milliseconds of all the others. */
  rest_ms: number;
  /** Layers that could not be timed alone: their time is taken in proportion to multiply-accumulates. */
  not_timed: { layer: string; reason: string }[];
}

/** Milliseconds of each of a call's variants, or why there are none. */
export type CallTimes = readonly number[] | { reason: string };

/** The table of calls that were timed. */
export function latencyTable(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  plans: readonly CallPlan[],
  times: readonly CallTimes[],
  measured: Pick<LatencyTable, 'batch_size' | 'seconds'>,
): LatencyTable {
  const byMacs = millisecondsByMacs(map, groups, plans, times);
  const reasons = new Map<string, string>();
  const calls = plans.map(({ call, axes, variants }, at): TimedCall => {
    const given = times[at]!;
    if ('reason' in given) reasons.set(call.layer.name, given.reason);
    const ms = 'reason' in given ? byMacs(plans[at]!) : given;
    const whole = ms[0]!;
    const timed = axes.map((axis, place): TimedAxis => {
      const own = variants.flatMap(({ axis: narrowed, gone }, variant) =>
        narrowed === place ? [[widthOf(axis, (group) => groups[group]!.units.length - (gone.get(group) ?? 0)), ms[variant]!] as const] : [],
      );
      const narrower = neverFalling(own.sort(([a], [b]) => a - b)).map(([width, time]): [number, number] => [width, Math.min(time, whole)]);
      return { ...axis, points: [...narrower, [widthOf(axis, (group) => groups[group]!.units.length), whole]] };
    });
    const corner = axes.length > 1 && variants.length > 1 ? ms.at(-1)! : null;
    return { layer: call.layer.name, ms: whole, overhead: corner === null ? 0 : overheadOf(whole, timed, corner), axes: timed };
  });
  return {
    ...measured,
    groups: groups.map(({ key, layers, units }, group) => ({
      key,
      layers,
      units: units.length,
      widths: timedAt(plans, group, units.length),
    })),
    calls: calls.filter(({ axes }) => axes.length > 0),
    rest_ms: calls.reduce((sum, { ms, axes }) => (axes.length > 0 ? sum : sum + ms), 0),
    not_timed: [...reasons].map(([layer, reason]) => ({ layer, reason })),
  };
}

function timedAt(plans: readonly CallPlan[], group: number, units: number): number[] {
  const gone = new Set(plans.flatMap(({ variants }) => variants.map((variant) => variant.gone.get(group) ?? 0)));
  gone.delete(0);
  return [...gone].map((count) => units - count).sort((a, b) => a - b);
}

/** Values by ascending place, those that fall behind an earlier one replaced by their mean with it (the nearest that never fall, in squares). */
export function neverFalling(points: readonly (readonly [place: number, value: number])[]): [number, number][] {
  const pools: { sum: number; places: number[] }[] = [];
  for (const [place, value] of points) {
    pools.push({ sum: value, places: [place] });
    for (;;) {
      const [before, last] = [pools.at(-2), pools.at(-1)!];
      if (!before || before.sum / before.places.length <= last.sum / last.places.length) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, places: [...before.places, ...last.places] });
    }
  }
  return pools.flatMap(({ sum, places }) => places.map((place): [number, number] => [place, sum / places.length]));
}

/** Between no overhead, which makes the product of all factors, and the most that the narrowest axis leaves: what makes the product `corner`. */
function overheadOf(whole: number, axes: readonly TimedAxis[], corner: number): number {
  const narrowest = axes.map(({ points }) => points[0]!);
  const product = (overhead: number): number =>
    timeOf(
      { ms: whole, overhead, axes: [...axes] },
      narrowest.map(([width]) => width),
    );
  let [low, high] = [0, Math.min(...narrowest.map(([, ms]) => ms))];
  for (let halving = 0; halving < 50; halving++) {
    const middle = (low + high) / 2;
    if (product(middle) < corner) low = middle;
    else high = middle;
  }
  return low;
}

/** Multiply-accumulates as milliseconds, at the rate of the calls that were timed; 1 each where none was. */
function millisecondsByMacs(
  map: ChannelMap,
  groups: readonly ChannelGroup[],
  plans: readonly CallPlan[],
  times: readonly CallTimes[],
): (plan: CallPlan) => number[] {
  const macsOf = ({ call, variants }: CallPlan): number[] =>
    variants.map(({ gone }) => callMacsWithout(map, call, removedBy(gone, map, groups)));
  let [sumMs, sumMacs] = [0, 0];
  for (const [at, plan] of plans.entries()) {
    const given = times[at]!;
    const { macs } = layerClass(plan.call.layer.className);
    if ('reason' in given || !macs) continue;
    sumMs += given[0]!;
    sumMacs += macsOf({ ...plan, variants: plan.variants.slice(0, 1) })[0]!;
  }
  const rate = sumMacs > 0 ? sumMs / sumMacs : 1;
  return (plan) => macsOf(plan).map((macs) => macs * rate);
}

/** A call as it is now. */
interface CallNow {
  call: TimedCall;
  /** By axis: the elements along it. */
  widths: number[];
  ms: number;
}

/** Predicts times as groups get narrower, one at a time. */
export class PredictedLatency {
  private readonly rest: number;
  private readonly left: number[];
  private readonly calls: CallNow[];
  /** By group: the calls whose time hangs on it, with the elements that a unit stands for along each of their axes. */
  private readonly touched: { now: CallNow; elements: number[] }[][];

  /** `left` has the units of each of the table's groups. */
  constructor(table: LatencyTable, left: readonly number[] = table.groups.map(({ units }) => units)) {
    this.rest = table.rest_ms;
    this.left = [...left];
    this.calls = table.calls.map((call) => {
      const widths = call.axes.map((axis) => widthOf(axis, (group) => left[group]!));
      return { call, widths, ms: timeOf(call, widths) };
    });
    this.touched = table.groups.map(() => []);
    for (const now of this.calls) {
      const { axes } = now.call;
      for (const group of new Set(axes.flatMap(({ of }) => of.map(([place]) => place))))
        this.touched[group]!.push({ now, elements: axes.map(({ of }) => of.find(([place]) => place === group)?.[1] ?? 0) });
    }
  }

  /** Milliseconds of the whole model. */
  total(): number {
    return this.calls.reduce((sum, { ms }) => sum + ms, this.rest);
  }

  /** Milliseconds of the calls that a group touches, had it so many units left and every other group what it has. */
  ofGroup(group: number, left: number): number {
    const more = left - this.left[group]!;
    return this.touched[group]!.reduce((sum, { now, elements }) => sum + timeOf(now.call, now.widths, elements, more), 0);
  }

  /** A group has so many units left from now on. */
  narrow(group: number, left: number): void {
    const more = left - this.left[group]!;
    for (const { now, elements } of this.touched[group]!) {
      for (const [axis, each] of elements.entries()) now.widths[axis]! += each * more;
      now.ms = timeOf(now.call, now.widths);
    }
    this.left[group] = left;
  }
}

/** With `more` units of which each stands for `elements` along each axis, and so many elements as there are. */
function timeOf(
  { ms, overhead, axes }: Omit<TimedCall, 'layer'>,
  widths: readonly number[],
  elements: readonly number[] | null = null,
  more = 0,
): number {
  const time = (axis: number): number => between(axes[axis]!.points, widths[axis]! + (elements ? elements[axis]! * more : 0));
  if (axes.length === 1) return time(0);
  const span = ms - overhead;
  if (span <= 0) return ms;
  let part = 1;
  for (let axis = 0; axis < axes.length; axis++) part *= Math.max(0, (time(axis) - overhead) / span);
  return overhead + span * part;
}

/** Linear between the points, and level outside. */
function between(points: TimedAxis['points'], place: number): number {
  let next = 0;
  while (next < points.length && points[next]![0] < place) next++;
  if (next === points.length) return points[next - 1]![1];
  const [width, ms] = points[next]!;
  if (next === 0) return ms;
  const [before, less] = points[next - 1]!;
  return less + ((ms - less) * (place - before)) / (width - before);
}

/** Milliseconds of the whole model with every unit. */
export function wholeMs(table: LatencyTable): number {
  return new PredictedLatency(table).total();
}

/** Units left of each of the table's groups, in a model that was cut or not. */
export function unitsLeftOf(table: LatencyTable, map: ChannelMap, removed?: Removed): number[] {
  const counts = new Map(map.groups.map(({ key, units }) => [key, removed ? unitsKept(units, removed) : units.length]));
  return table.groups.map(({ key, layers }) => {
    const count = counts.get(key);
    if (count === undefined) throw new Error(`The timed group of ${layers.join('+')} is not in the model`);
    return count;
  });
}

/** What a target of latency counts of a model with units removed, as far as it can be told without running it. */
export function latencyMeasure(table: LatencyTable, map: ChannelMap): Measure {
  return { unit: 'milliseconds', of: (removed) => new PredictedLatency(table, unitsLeftOf(table, map, removed)).total() };
}
