import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Plan } from '../../src/jobs/spec/index.ts';
import { bitmap, bits } from '../../src/pruning/bitmap.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { prunableKernels } from '../../src/pruning/kernels.ts';
import { plannedMasks, plannedUnits, planOfUnits, planOfZeros } from '../../src/pruning/plan.ts';
import { generator } from '../../src/random.ts';
import { fillDefaults } from '../../src/schema.ts';
import { documentOf } from '../helpers/documents.ts';
import { HAZARDS } from '../helpers/hazards.ts';

const LIMITS = { round_to: 1, min_channels: 1, max_ratio: 1, overrides: {} };
/** As it is after a file or a request. */
const sent = (plan: Plan): Plan => fillDefaults(Plan, JSON.parse(JSON.stringify(plan)));

it.each(Object.entries(HAZARDS))('plans of %s come to what they were made of, units and zeros', (_name, { config }) => {
  const { graph } = documentOf(config);
  const map = channelMap(graph);
  const groups = map.groups.filter(({ frozen }) => frozen === null);
  const { uniform } = generator(1);
  const removed = new Uint8Array(map.unitCount);
  for (const { units } of groups) for (const unit of units.subarray(1)) removed[unit] = uniform() < 0.5 ? 1 : 0;
  const scores = Float64Array.from(removed, uniform);
  const plan = sent(planOfUnits(map, groups, removed, scores, '0'.repeat(64)));
  expect(plannedUnits(map, groups, plan, LIMITS)).toEqual(removed);
  const halves = plan.groups!.map(({ removed: gone, kept, ...rest }, at) =>
    at % 2 ? { ...rest, removed: gone! } : { ...rest, kept: kept! },
  );
  expect(plannedUnits(map, groups, { groups: halves }, LIMITS)).toEqual(removed);

  const kernels = prunableKernels(graph, { exclude: [] });
  const masks = new Map(kernels.map(({ key, count }) => [key, Uint8Array.from({ length: count }, () => (uniform() < 0.5 ? 1 : 0))]));
  const zeros = sent(planOfZeros({ type: 'unstructured' }, kernels, masks, '0'.repeat(64)));
  expect(plannedMasks(kernels, kernels, zeros, { structure: { type: 'unstructured' }, layers: { overrides: {} } })).toEqual(masks);
});

it('bits come back, and nothing is made of other text', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 50 }), (flags) => {
      const text = bitmap(Uint8Array.from(flags));
      expect(bits(text, flags.length)).toEqual(Uint8Array.from(flags));
      expect(bits(text, flags.length + 8)).toBeNull();
    }),
  );
  expect(bits('AA==', 3)).toEqual(new Uint8Array(3));
  expect(bits('CA==', 3)).toBeNull();
  expect(bits('AB==', 3)).toBeNull();
  expect(bits('AA', 3)).toBeNull();
});
