import { describe, expect, it } from 'vitest';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { checkJob } from '../../src/jobs/check.ts';
import { childId, childrenOf, childSpec } from '../../src/jobs/compare/children.ts';
import { isId } from '../../src/jobs/ids.ts';
import { specOf } from '../../src/jobs/recipe/index.ts';
import { type CompareSpec, JobSpec } from '../../src/jobs/spec/index.ts';
import { fillDefaults } from '../../src/schema.ts';
import { checkedModel } from '../helpers/checked-model.ts';
import { dense, documentOf, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const ids = { model_id: 'mdl_00000000000000000000000000', dataset_id: 'dst_00000000000000000000000000' };
const model = checkedModel(
  documentOf(sequential([8], [dense('hidden', 6, { activation: 'relu' }), dense('out', 3, { activation: 'softmax' })])),
);
const data: DatasetFacts = {
  format: 'npz',
  x: { dtype: 'float32', shape: [8], min: 0, max: 1, scale: 1 },
  y: { dtype: 'uint8', shape: [], min: 0, max: 2, classes: 3 },
  samples: 100,
  splits: { train: 80, selection: 10, test: 10 },
  test_given: false,
};
const check = async (candidates: Record<string, unknown>[], more: Record<string, unknown> = {}, dataset = data) => {
  const posted = fillDefaults(JobSpec, { type: 'compare', ...ids, candidates, ...more });
  const { spec, warnings } = await checkJob(posted, model, dataset);
  return { spec: spec as CompareSpec, warnings };
};
const pruned = (name: string, pruning: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: 'prune',
  name,
  pruning: { target: { macs: 0.5 }, structure: { type: 'channels' }, ...pruning },
  ...more,
});
const clipped = (name: string, clipping: Record<string, unknown>) => ({ type: 'train', name, clipping });
const two = [pruned('taylor', { criterion: { type: 'taylor' } }), pruned('fpgm', { criterion: { type: 'fpgm' } })];

describe('the candidates of a comparison', () => {
  it('are resolved as the jobs that they are, with the fine-tuning of all, and held against random pruning of their structure', async () => {
    const { spec } = await check(two, { fine_tuning: { epochs: 2 } });
    expect(spec.candidates.map(({ name }) => name)).toEqual(['taylor', 'fpgm', 'random']);
    for (const candidate of spec.candidates) {
      expect(candidate).toMatchObject({ type: 'prune', fine_tuning: { epochs: 2, loss: 'sparse_categorical_crossentropy' } });
    }
    expect(spec.candidates[2]).toMatchObject({ pruning: { criterion: { type: 'random' }, target: { macs: 0.5 }, scope: 'global' } });
    const child = childSpec(spec, spec.candidates[0]!, 7);
    expect(child).toMatchObject({ type: 'prune', seed: 7, ...ids, webhook: null, metadata: { candidate: 'taylor' } });
    expect(await checkJob(child, model, data)).toMatchObject({ spec: child });
  });

  it('have a control for each structure, and none where one is among them', async () => {
    const mixed = [
      ...two,
      pruned('magnitude', { criterion: { type: 'magnitude' }, structure: { type: 'unstructured' }, target: { sparsity: 0.5 } }),
    ];
    const { spec } = await check(mixed, { unequal: true });
    expect(spec.candidates.slice(3).map(({ name }) => name)).toEqual(['random-channels', 'random-unstructured']);
    const own = await check([...two, pruned('dice', { criterion: { type: 'random' } })]);
    expect(own.spec.candidates.map(({ name }) => name)).toEqual(['taylor', 'fpgm', 'dice']);
  });

  it('have an unclipped one beside those that clip', async () => {
    const arms = [clipped('tight', { type: 'global_norm', max_norm: 0.1 }), clipped('loose', { type: 'global_norm', max_norm: 10 })];
    const { spec } = await check(arms, { training: { epochs: 1 } });
    expect(spec.candidates.map((one) => (one.type === 'train' ? [one.name, one.training?.clipping.type] : []))).toEqual([
      ['tight', 'global_norm'],
      ['loose', 'global_norm'],
      ['unclipped', 'none'],
    ]);
  });

  it('may be plans, which random pruning is held against by what they promise', async () => {
    const groups = [{ layers: ['hidden'], removed: [0, 1, 2] }];
    const planned = (name: string, target: object, plan: object = { groups }) =>
      pruned(name, { criterion: { type: 'planned' }, target, plan });
    const { spec } = await check([planned('by-hand', { macs: 0.5 })]);
    expect(spec.candidates).toMatchObject([
      { name: 'by-hand', pruning: { plan: { groups } } },
      { name: 'random', pruning: { plan: null, criterion: { type: 'random' }, target: { macs: 0.5 } } },
    ]);
    expect(childSpec(spec, spec.candidates[0]!, 1)).toMatchObject({ pruning: { plan: { groups } } });
    const free = await check([planned('by-hand', { macs: 1 })]);
    expect(free.spec.candidates).toHaveLength(1);
    expect(free.warnings).toMatchObject([{ code: 'CONTROL_LEFT_OUT', detail: expect.stringContaining('plans have no target') }]);
    const stray = [two[0]!, planned('by-hand', { macs: 0.5 }, { groups: [{ layers: ['hiden'], removed: [0] }] })];
    const problem = await expectProblem(() => check(stray), 'PLAN_MISMATCH', /^by-hand: /);
    expect(problem.items[0]!.pointer).toMatch(/^\/candidates\/1\/pruning\/plan/);
  });

  it('may be recipes, which are written out and share a budget of their own', async () => {
    const recipe = (name: string, more: Record<string, unknown> = {}) => ({ type: 'prune', name, recipe: 'smallest', ...more });
    const posted = (candidates: Record<string, unknown>[]) =>
      specOf({ type: 'compare', ...ids, candidates, fine_tuning: { epochs: 4 } }, model, data);
    const target = { max_bytes: 900 };
    const magnitude = { criterion: { type: 'magnitude' } };
    const asked = await posted([recipe('taylor', { target }), recipe('magnitude', { target, pruning: magnitude })]);
    const { spec } = (await checkJob(asked, model, data)) as { spec: CompareSpec };
    expect(spec.output.formats).toEqual(['keras', 'esp']);
    expect(spec.candidates).toMatchObject([
      { name: 'taylor', recipe: 'smallest', target, pruning: { criterion: { type: 'taylor' } }, fine_tuning: { epochs: 4 } },
      { name: 'magnitude', recipe: 'smallest', target, pruning: magnitude, packing: { rate: {} } },
      { name: 'random', recipe: 'smallest', target, pruning: { criterion: { type: 'random' } } },
    ]);
    const child = childSpec(spec, spec.candidates[1]!, 5);
    expect(child).toMatchObject({ type: 'prune', recipe: 'smallest', target, seed: 5 });
    expect(await checkJob(child, model, data)).toMatchObject({ spec: child });
    const mixed = await posted([recipe('taylor', { target }), two[1]!]);
    const unequal = await expectProblem(() => checkJob(mixed, model, data), 'INCOMPATIBLE_OPTIONS', /within one budget.*"smallest"/);
    expect(unequal.items[0]!.pointer).toBe('/candidates/1/recipe');
    const stray = [two[0]!, recipe('small', { pruning: { layers: { exclude: ['nothing'] } } })];
    const unknown = await expectProblem(() => posted(stray), 'UNKNOWN_LAYER', /^small: /);
    expect(unknown.items[0]!.pointer).toMatch(/^\/candidates\/1\/pruning\/layers/);
  });

  it('are refused where their budgets differ, unless that is said', async () => {
    const other = [two[0]!, pruned('fpgm', { criterion: { type: 'fpgm' }, target: { macs: 0.4 } })];
    const target = await expectProblem(() => check(other), 'INCOMPATIBLE_OPTIONS', /within one budget.*"macs":0.5.*"unequal": true/);
    expect(target.items[0]!.pointer).toBe('/candidates/1/pruning/target');
    const longer = [two[0]!, { ...two[1]!, fine_tuning: { epochs: 3 } }];
    const epochs = await expectProblem(() => check(longer), 'INCOMPATIBLE_OPTIONS', /within one budget/);
    expect(epochs.items[0]!.pointer).toBe('/candidates/1/fine_tuning/epochs');
    await expect(check(other, { unequal: true })).resolves.toBeDefined();
  });

  it('are refused as the job would be, at their place', async () => {
    const wrong = [two[0]!, pruned('lamp', { criterion: { type: 'lamp' } })];
    const problem = await expectProblem(() => check(wrong), 'INCOMPATIBLE_OPTIONS', /^lamp: lamp takes the structures unstructured/);
    expect(problem.items[0]!.pointer).toBe('/candidates/1/pruning/criterion/type');
  });

  it('are refused where they cannot be compared', async () => {
    const refused = (candidates: Record<string, unknown>[], text: RegExp, more: Record<string, unknown> = {}, dataset = data) =>
      expectProblem(() => check(candidates, more, dataset), 'INCOMPATIBLE_OPTIONS', text);
    await refused([two[0]!, two[0]!], /Candidate 0 has this name/);
    await refused([two[0]!, clipped('a', { type: 'none' })], /all of one type; the first is prune/, { training: { epochs: 1 } });
    await refused([clipped('a', { type: 'none' })], /says no training/);
    await refused([pruned('a', { criterion: { type: 'taylor' }, plan_only: true })], /a plan makes none/);
    const many = Array.from({ length: 9 }, (_, at) => pruned(`c${at}`, { criterion: { type: 'magnitude' } }));
    await refused(many, /10 candidates, controls among them, under 30 seeds are 300 jobs; 200 at most/, {
      seeds: Array.from({ length: 30 }, (_, seed) => seed),
    });
    const without = { ...data, splits: { train: 90, selection: 0, test: 10 } };
    await expectProblem(() => check(two, {}, without), 'MODEL_DATASET_MISMATCH', /ranked on the selection split/);
  });
});

describe('the jobs of a comparison', () => {
  it('have ids that follow from their parent, and sort beside it', async () => {
    const { spec } = await check(two);
    const parent = 'job_01JZ3VB1C2D3E4F5G6H7J8K9MN';
    const children = [...childrenOf(parent, spec).keys()];
    expect(new Set(children).size).toBe(9);
    for (const id of children) {
      expect(isId('job', id)).toBe(true);
      expect(id.startsWith('job_01JZ3VB1C2')).toBe(true);
    }
    expect(children[0]).toBe(childId(parent, 'taylor', 0));
    expect(childId('job_01JZ3VB1C2D3E4F5G6H7J8K9MP', 'taylor', 0)).not.toBe(children[0]);
    // Seed by seed.
    expect([...childrenOf(parent, spec).values()].map(({ seed }) => seed)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });
});
