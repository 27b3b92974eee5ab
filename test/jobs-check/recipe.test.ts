/** The recipe `smallest`: what it sets, and what it is refused with. */
import { describe, expect, it } from 'vitest';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import type { ProblemCode } from '../../src/errors.ts';
import { type CheckedModel, checkJob } from '../../src/jobs/check.ts';
import { specOf } from '../../src/jobs/recipe/index.ts';
import { type RecipeModel, smallest } from '../../src/jobs/recipe/smallest.ts';
import type { PruneSpec } from '../../src/jobs/spec/index.ts';
import { smallestBound } from '../../src/report/paired-drop.ts';
import { checkedModel } from '../helpers/checked-model.ts';
import { type Config, dense, documentOf, functional, layer, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const ids = { model_id: 'mdl_00000000000000000000000000', dataset_id: 'dst_00000000000000000000000000' };
const bare = { type: 'prune', ...ids, recipe: 'smallest' };
const model: RecipeModel = { parameters: 266_610, least: 0.02, gated: true, formats: ['keras', 'esp'], selection: 5000 };

describe('what the recipe sets', () => {
  it('is everything, of a body that says nothing', () => {
    expect(smallest(bare, model)).toEqual({
      ...bare,
      target: { max_accuracy_drop: 0.005 },
      pruning: {
        criterion: { type: 'taylor' },
        structure: { type: 'channels' },
        target: { max_accuracy_drop: 0.0025, measure: 'parameters', trials: 5, trial_epochs: 2 },
      },
      fine_tuning: {
        epochs: 20,
        batch_size: 128,
        optimizer: { type: 'adam', learning_rate: 0.002 },
        learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
        clipping: { type: 'global_norm', max_norm: 2 },
        distillation: { temperature: 2, weight: 0.6 },
      },
      packing: { rate: {} },
      output: { formats: ['keras', 'esp'] },
    });
    expect(smallest({ ...bare, target: null, packing: null, fine_tuning: null }, model)).toEqual(smallest(bare, model));
  });

  it('leaves three weights for each bit, where bytes are the budget', () => {
    const removal = (max_bytes: number, more: Partial<RecipeModel> = {}) =>
      (smallest({ ...bare, target: { max_bytes } }, { ...model, ...more }).pruning as PruneSpec['pruning']).target;
    expect(removal(1700)).toEqual({ parameters: (24 * 1700) / 266_610 });
    expect(removal(100)).toEqual({ parameters: 0.02 });
    expect(removal(1e6)).toEqual({ parameters: 1 });
    expect(removal(1700, { least: null })).toEqual({ sparsity: 0 });
  });

  it('gives way to what is given', () => {
    const body = {
      ...bare,
      target: { max_bytes: 1700, trials: 2 },
      pruning: { criterion: { type: 'magnitude' }, layers: { exclude: ['x'] }, target: { macs: 0.1 } },
      fine_tuning: { epochs: 3, distillation: { weight: 0.9, teacher_model_id: 'mdl_T' }, augmentation: [{ type: 'rotate' }] },
      packing: { rate: { weight: 1e-4 }, tuning: { epochs: 7 } },
      output: { formats: ['esp'] },
    };
    const made = smallest(body, model);
    expect(made).toMatchObject({ ...body, fine_tuning: { batch_size: 128, distillation: { temperature: 2, weight: 0.9 } } });
    expect(made.pruning).toEqual({ ...body.pruning, structure: { type: 'channels' } });
    expect(smallest(made, model)).toEqual(made);
    const { fine_tuning: alone } = smallest({ ...bare, fine_tuning: { distillation: null, epochs: 1 } }, model);
    expect(alone).toMatchObject({ distillation: null, epochs: 1 });
  });

  it('asks for no less than a small selection split can show', () => {
    const drop = (selection: number) => (smallest(bare, { ...model, selection }).target as { max_accuracy_drop: number }).max_accuracy_drop;
    expect(drop(5000)).toBe(0.005);
    expect(drop(200)).toBeGreaterThan(2.9 * smallestBound(200));
    expect(drop(200)).toBeLessThan(3.1 * smallestBound(200));
    expect(drop(0)).toBe(1);
  });
});

const data = (more: Partial<DatasetFacts> = {}): DatasetFacts => ({
  format: 'npz',
  x: { dtype: 'float32', shape: [8], min: 0, max: 1, scale: 1 },
  y: { dtype: 'uint8', shape: [], min: 0, max: 2, classes: 3 },
  samples: 2000,
  splits: { train: 1000, selection: 500, test: 500 },
  test_given: false,
  ...more,
});
const network = sequential([8], [dense('hidden', 60, { activation: 'relu' }), dense('out', 3, { activation: 'softmax' })]);

async function check(
  more: Record<string, unknown>,
  config: Config = network,
  facts = data(),
  own: Partial<CheckedModel> = {},
): Promise<PruneSpec> {
  const checked = checkedModel(documentOf(config), own);
  const asked = await specOf({ ...bare, ...more }, checked, facts);
  return (await checkJob(asked, checked, facts)).spec as PruneSpec;
}

describe('a job of the recipe', () => {
  it('is stored with all that it does, which posted again is the same job', async () => {
    const spec = await check({ target: { max_bytes: 400 } });
    expect(spec).toMatchObject({
      recipe: 'smallest',
      target: { max_bytes: 400, trials: 5, trial_epochs: 20 },
      pruning: { criterion: { type: 'taylor' }, structure: { type: 'channels' }, scope: 'global', layers: { exclude: [] } },
      fine_tuning: {
        loss: 'sparse_categorical_crossentropy',
        optimizer_state: 'drop',
        distillation: { teacher_model_id: null, temperature: 2 },
      },
      packing: { rate: { weight: 5e-5 }, tuning: { epochs: 40 } },
      output: { formats: ['keras', 'esp'] },
    });
    expect(await check(spec)).toEqual(spec);
  });

  it('removes as far as goes where bytes ask for more, by magnitude where gates see no unit, and nothing where no channel may go', async () => {
    const deep = sequential([8], [dense('a', 400), dense('b', 400), dense('out', 3, { activation: 'softmax' })]);
    const { target } = (await check({ target: { max_bytes: 200 } }, deep)).pruning as { target: { parameters: number } };
    expect(target.parameters).toBeGreaterThan((24 * 200) / 166_000);
    const heads = functional((net) => {
      const x = net.call(dense('a', 4), net.input('x', [5, 3]));
      const y = net.call(layer('MultiHeadAttention', 'm', { num_heads: 3, key_dim: 4 }), x, x);
      return net.call(dense('out', 3), net.call(layer('GlobalAveragePooling1D', 'g'), y));
    });
    const series = data({ x: { dtype: 'float32', shape: [5, 3], min: 0, max: 1, scale: 1 } });
    expect((await check({}, heads, series)).pruning.criterion.type).toBe('magnitude');
    const single = sequential([8], [dense('out', 3, { activation: 'softmax' })]);
    expect((await check({}, single)).pruning).toMatchObject({ structure: { type: 'unstructured' }, target: { sparsity: 0 } });
    const excluded = await check({ pruning: { layers: { exclude: ['h*'] } } });
    expect(excluded.pruning).toMatchObject({ structure: { type: 'unstructured' }, layers: { exclude: ['hidden'] } });
  });

  it.each<[Record<string, unknown>, ProblemCode, string, RegExp]>([
    [
      { recipe: null, target: { max_bytes: 9 }, pruning: { criterion: { type: 'magnitude' }, target: { sparsity: 0.5 } } },
      'INCOMPATIBLE_OPTIONS',
      '/target',
      /goes with a recipe.*pruning\.target/,
    ],
    [{ target: { max_bytes: 900, max_accuracy_drop: 0.1 } }, 'INCOMPATIBLE_OPTIONS', '/target', /max_bytes or max_accuracy_drop/],
    [{ target: { max_bytes: 20 } }, 'TARGET_OUT_OF_REACH', '/target/max_bytes', /config of this network alone has about \d\d+ bytes/],
    [{ target: { max_accuracy_drop: 0.005 } }, 'TARGET_OUT_OF_REACH', '/target/max_accuracy_drop', /500 samples.*below 0\.005382/],
    [{ target: { trial_epochs: 41 } }, 'INCOMPATIBLE_OPTIONS', '/target/trial_epochs', /has 40 epochs/],
    [{ packing: { clusters: 4 } }, 'INCOMPATIBLE_OPTIONS', '/packing/rate', /rate or clusters/],
    [{ packing: { max_bytes: 900 } }, 'INCOMPATIBLE_OPTIONS', '/packing/max_bytes', /target\.max_bytes/],
    [{ packing: { rate: null } }, 'INCOMPATIBLE_OPTIONS', '/packing/rate', /trains at a rate/],
    [{ packing: { precision: 'float16' } }, 'INCOMPATIBLE_OPTIONS', '/packing/precision', /no longer be multiples/],
    [{ packing: { tuning: { epochs: 0 } } }, 'INCOMPATIBLE_OPTIONS', '/packing/tuning/epochs', /by training/],
    [{ pruning: { schedule: { type: 'iterative' } } }, 'INCOMPATIBLE_OPTIONS', '/pruning/schedule', /one_shot/],
    [{ pruning: { plan_only: true } }, 'INCOMPATIBLE_OPTIONS', '/pruning/plan_only', /without a recipe/],
    [{ pruning: { after_cut: { learning_rate_warmup_steps: 5 } } }, 'INCOMPATIBLE_OPTIONS', '/pruning/after_cut', /learning_rate_schedule/],
    [{ pruning: { layers: { exclude: ['hiden'] } } }, 'UNKNOWN_LAYER', '/pruning/layers/exclude/0', /hiden/],
    [{ fine_tuning: { initial_optimizer_state: 'model' } }, 'INCOMPATIBLE_OPTIONS', '/fine_tuning/initial_optimizer_state', /fresh/],
    [{ fine_tuning: { optimizer_state: 'export' } }, 'INCOMPATIBLE_OPTIONS', '/fine_tuning/optimizer_state', /auto, drop/],
    [{ fine_tuning: { ema: {} } }, 'INCOMPATIBLE_OPTIONS', '/fine_tuning/ema', /average of weights/],
  ])('is refused with %j', async (more, code, pointer, text) => {
    const problem = await expectProblem(() => check(more), code, text);
    expect(problem.items[0]!.pointer).toBe(pointer);
  });

  it('is refused where nothing can be compared, or written', async () => {
    const none = data({ splits: { train: 1500, selection: 0, test: 500 } });
    await expectProblem(
      () => check({ target: { max_bytes: 900 } }, network, none),
      'INCOMPATIBLE_OPTIONS',
      /a data set with a selection split/,
    );
    const regressor = sequential([8], [dense('hidden', 60), dense('out', 1)]);
    const numbers = data({ y: { dtype: 'float32', shape: [1], min: -3, max: 9, classes: null } });
    await expectProblem(() => check({}, regressor, numbers), 'INCOMPATIBLE_OPTIONS', /max_bytes.*the lowest loss/);
    expect((await check({ target: { max_bytes: 900 } }, regressor, numbers)).fine_tuning!.loss).toBe('mean_squared_error');
    const { facts } = checkedModel(documentOf(network));
    const own = { facts: { ...facts, output_formats: ['tfjs' as const] } };
    await expectProblem(
      () => check({ output: { formats: ['tfjs'] } }, network, data(), own),
      'UNSUPPORTED_CONVERSION',
      /cannot hold this model.*tfjs/,
    );
    const frozen = sequential([8], [dense('out', 3, { trainable: false })]);
    await expectProblem(() => check({ fine_tuning: { epochs: 0 } }, frozen), 'INCOMPATIBLE_OPTIONS', /nothing to train/);
  });
});
