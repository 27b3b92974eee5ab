import { describe, expect, it } from 'vitest';
import { callMacs } from '../../src/model/costs.ts';
import type { Graph } from '../../src/model/graph.ts';
import { size } from '../../src/model/layers/index.ts';
import { allocateByTime } from '../../src/pruning/allocate-by-time.ts';
import { selectableGroups } from '../../src/pruning/allocation.ts';
import { planCalls, removedBy } from '../../src/pruning/call-widths.ts';
import { type ChannelMap, channelMap } from '../../src/pruning/groups.ts';
import { latencyReport } from '../../src/pruning/latency-report.ts';
import {
  type LatencyTable,
  latencyMeasure,
  latencyTable,
  neverFalling,
  PredictedLatency,
  unitsLeftOf,
} from '../../src/pruning/latency-table.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, functional, layer, randomFill, sequential } from '../helpers/documents.ts';
import { expectClose } from '../helpers/numbers.ts';

const limits = { round_to: 1, min_channels: 1, max_ratio: 1, overrides: {} };
const same = { padding: 'same' };

/** A residual sum, a concatenation, a product of gates, a flattening: every call has a time that is linear in each width. */
const network = documentOf(
  functional((net) => {
    const x = net.input('x', [6, 6, 2]);
    const a = net.call(batchNormalization('n'), net.call(conv2d('a', 8, 3, same), x));
    const b = net.call(conv2d('b', 8, 3, same), net.call(conv2d('narrow', 5, 1), a));
    const sum = net.call(layer('Add', 's'), a, b);
    const joined = net.call(layer('Concatenate', 'c'), sum, net.call(conv2d('e', 6, 3, same), sum));
    const read = net.call(dense('d', 12, { activation: 'relu' }), net.call(flatten('f'), joined));
    return net.call(dense('out', 3), read);
  }),
  randomFill(1),
);
const map = channelMap(network.graph);
const groups = selectableGroups(map, { exclude: [] });

/** What a device might take for each call: something for it at all, for each product and for each element it writes. */
function millisecondsOf(graph: Graph): number[] {
  return callMacs(graph).map(({ call, macs }) => 0.02 + 1e-4 * macs + 1e-3 * size(call.outputShape));
}

/** The table of a network whose calls take so long. */
function tableOf(times: (graph: Graph) => number[], levels = 4, opaque: string[] = []): LatencyTable {
  const plans = planCalls(map, groups, limits, levels);
  const given = plans.map(({ call, variants }, at) =>
    opaque.includes(call.layer.name)
      ? { reason: 'it is opaque' }
      : variants.map(({ gone }) => times(removeUnits(network, map, removedBy(gone, map, groups)).graph)[at]!),
  );
  return latencyTable(map, groups, plans, given, { batch_size: 1, seconds: 1 });
}

const total = (times: number[]): number => times.reduce((sum, ms) => sum + ms, 0);

/** Random units gone of every group, one left at least. */
function drawnCut(seed: number) {
  const random = generator(seed, 'cut');
  return removedBy(new Map(groups.map(({ units }, place) => [place, random.int(units.length)])), map, groups);
}

describe('a table of times', () => {
  it('predicts any widths of calls whose time grows with each of them, from a few', () => {
    const table = tableOf(millisecondsOf);
    expect(table.groups.map(({ layers, units, widths }) => ({ layers, units, widths }))).toEqual([
      { layers: ['a', 'b'], units: 8, widths: [1, 3, 5, 6] },
      { layers: ['narrow'], units: 5, widths: [1, 2, 3, 4] },
      { layers: ['e'], units: 6, widths: [1, 2, 4, 5] },
      { layers: ['d'], units: 12, widths: [1, 4, 7, 9] },
    ]);
    const measure = latencyMeasure(table, map);
    for (let seed = 0; seed < 40; seed++) {
      const removed = drawnCut(seed);
      const cut = removeUnits(network, map, removed);
      const expected = total(millisecondsOf(cut.graph));
      // What reads the concatenation hangs on two groups at once; it was timed where both are as narrow in proportion.
      expectClose([measure.of(removed)], [expected], { relative: 1e-2 });
      // The table holds for the model that was cut as well.
      const smaller = channelMap(cut.graph);
      expectClose([latencyMeasure(table, smaller).of(new Uint8Array(smaller.unitCount))], [measure.of(removed)], { relative: 1e-12 });
    }
    expectClose([measure.of(new Uint8Array(map.unitCount))], [total(millisecondsOf(network.graph))], { relative: 1e-12 });
  });

  it('never says that less takes longer, however noisy the times', () => {
    expect(neverFalling([1, 3, 2, 4].map((value, at) => [at, value])).map(([, value]) => value)).toEqual([1, 2.5, 2.5, 4]);
    expect(neverFalling([3, 2, 1, 5, 4].map((value, at) => [at, value])).map(([, value]) => value)).toEqual([2, 2, 2, 4.5, 4.5]);
    const random = generator(3, 'noise');
    const measure = latencyMeasure(
      tableOf((graph) => millisecondsOf(graph).map((ms) => ms * (0.3 + random.uniform()))),
      map,
    );
    for (let seed = 0; seed < 40; seed++) {
      const [less, more] = [drawnCut(seed), drawnCut(seed + 1000)];
      const both = less.map((gone, unit) => gone | more[unit]!);
      expect(measure.of(both)).toBeLessThanOrEqual(measure.of(less) * (1 + 1e-12));
      expect(measure.of(less)).toBeLessThanOrEqual(measure.of(new Uint8Array(map.unitCount)) * (1 + 1e-12));
    }
  });

  it('takes layers that do not run alone by their multiply-accumulates, at the rate of the others, and names them', () => {
    const byMacs = (graph: Graph): number[] => callMacs(graph).map(({ macs }) => 1e-3 * macs);
    const table = tableOf(byMacs, 4, ['e', 'd', 'f']);
    expect(table.not_timed.map(({ layer: name }) => name)).toEqual(['e', 'f', 'd']);
    const measure = latencyMeasure(table, map);
    for (let seed = 0; seed < 10; seed++) {
      const removed = drawnCut(seed);
      expectClose([measure.of(removed)], [total(byMacs(removeUnits(network, map, removed).graph))], { relative: 1e-2 });
    }
    const none = tableOf(
      byMacs,
      1,
      network.graph.layers.map(({ name }) => name),
    );
    expect(latencyMeasure(none, map).of(new Uint8Array(map.unitCount))).toBe(total(callMacs(network.graph).map(({ macs }) => macs)));
  });

  it('keeps to steps and limits of groups', () => {
    const own = { round_to: 3, min_channels: 2, max_ratio: 0.6, overrides: { d: { round_to: 4 } } };
    const widths = planCalls(map, groups, own, 4).flatMap(({ variants }) =>
      variants.flatMap(({ gone }) => [...gone].filter(([, count]) => count > 0)),
    );
    // Of 8 units 4 stay at least, so 6; of 5 and 6 three; of 12 five, so 8.
    expect([...new Set(widths.map((pair) => pair.join(' ')))].sort()).toEqual(['0 2', '1 2', '2 3', '3 4'].sort());
  });
});

// Units of the three groups stand apart, so that each call hangs on one group.
const chain = documentOf(sequential([4], [dense('a', 6), dense('b', 5), dense('c', 7), dense('out', 1)]), randomFill(1));
const chainMap = channelMap(chain.graph);
const chainGroups = selectableGroups(chainMap, { exclude: [] });

/** Times of each group by itself: milliseconds at 1, 2, … units. */
function planted(times: number[][]): LatencyTable {
  return {
    batch_size: 1,
    seconds: 0,
    groups: chainGroups.map(({ key, layers, units }) => ({ key, layers, units: units.length, widths: [] })),
    calls: times.map((own, group) => ({
      layer: String(group),
      ms: own.at(-1)!,
      overhead: 0,
      axes: [{ fixed: 0, of: [[group, 1] as const], points: own.map((ms, at): [number, number] => [at + 1, ms]) }],
    })),
    rest_ms: 0,
    not_timed: [],
  };
}

function chosen(table: LatencyTable, scores: Float64Array, limit: number, own: ChannelMap = chainMap) {
  const removed = allocateByTime(own, chainGroups, scores, { ...limits, table, limit });
  const left = unitsLeftOf(table, own, removed);
  const lost = removed.reduce((sum, gone, unit) => sum + gone * scores[unit]!, 0);
  return { left, lost, ms: new PredictedLatency(table, left).total() };
}

describe('units by score for a millisecond', () => {
  it('go where time is, whatever multiply-accumulates say, and what saves nothing alone goes in bundles', () => {
    const scores = new Float64Array(chainMap.unitCount).fill(1);
    const even = [1, 2, 3, 4, 5, 6, 7];
    // a has most units' scores equal to the others' and takes no time; c takes time in steps of three units.
    const table = planted([[5, 5, 5, 5, 5, 5], even.slice(0, 5), [10, 10, 10, 20, 20, 20, 30]]);
    expect(chosen(table, scores, 31)).toMatchObject({ left: [6, 5, 6], ms: 30 });
    expect(chosen(table, scores, 21)).toMatchObject({ left: [6, 5, 3], ms: 20 });
    expect(chosen(table, scores, 18)).toMatchObject({ left: [6, 3, 3], ms: 18 });
    // As far as it goes where that is not enough.
    expect(chosen(table, scores, 1).left).toEqual([1, 1, 1]);
  });

  it('keep nearly as much as the best of all choices, and are within the limit', () => {
    let [lost, least, best, within] = [0, 0, 0, 0];
    const cases = 200;
    for (let seed = 0; seed < cases; seed++) {
      const random = generator(seed, 'knapsack');
      const times = chainGroups.map(({ units }) => {
        let ms = random.uniform();
        // Some widths save nothing.
        return [...units].map(() => (ms += random.uniform() < 0.4 ? 0 : random.uniform()));
      });
      const scores = Float64Array.from({ length: chainMap.unitCount }, () => random.uniform() ** 2);
      const table = planted(times);
      const whole = new PredictedLatency(table).total();
      const shortest = times.reduce((sum, [ms]) => sum + ms!, 0);
      const limit = shortest + (whole - shortest) * random.uniform();
      const found = chosen(table, scores, limit);
      if (found.ms <= limit) within++;
      const sums = chainGroups.map(({ units }) => {
        const ranked = [...units].map((unit) => scores[unit]!).sort((a, b) => a - b);
        return ranked.map((_, count) => ranked.slice(0, count).reduce((sum, score) => sum + score, 0));
      });
      let optimum = Number.POSITIVE_INFINITY;
      const counts = sums.map((own) => [...own.keys()]);
      for (const a of counts[0]!)
        for (const b of counts[1]!)
          for (const c of counts[2]!) {
            const ms = [a, b, c].reduce((sum, gone, group) => sum + times[group]!.at(-1 - gone)!, 0);
            if (ms <= limit) optimum = Math.min(optimum, sums[0]![a]! + sums[1]![b]! + sums[2]![c]!);
          }
      expect(found.lost).toBeGreaterThanOrEqual(optimum - 1e-12);
      lost += found.lost;
      least += optimum;
      if (found.lost <= optimum + 1e-12) best++;
    }
    expect(within).toBe(cases);
    expect(best).toBeGreaterThan(0.85 * cases);
    expect(lost).toBeLessThan(1.03 * least);
  });

  it('are told of by group: what it takes whole, at other widths and as chosen', () => {
    const table = {
      ...planted([
        [1, 2, 3, 4, 5, 6],
        [1, 1, 1, 1, 1],
        [2, 4, 6, 8, 10, 12, 14],
      ]),
      rest_ms: 1,
    };
    table.groups[2]!.widths = [1, 4];
    const scores = Float64Array.from({ length: chainMap.unitCount }, (_, unit) => unit);
    const removed = allocateByTime(chainMap, chainGroups, scores, { ...limits, table, limit: 18 });
    const measured = { value: 0.8, low: 0.7, high: 0.9, pairs: 30, candidates: 2 };
    const report = latencyReport(table, chainMap, removed, measured);
    expect(report.predicted).toBe(18 / 22);
    expect(report.groups[2]).toMatchObject({
      layers: ['c'],
      units: 7,
      ms: { whole: 14 },
      widths: [
        { units: 1, ms: 2 },
        { units: 4, ms: 8 },
        { units: 7, ms: 14 },
      ],
    });
    expect(report.groups[0]).toMatchObject({ kept: 2, ms: { whole: 6, kept: 2 } });
    expect(report.measured).toEqual(measured);
  });
});
