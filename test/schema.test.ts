import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { JobSpec, type PruneSpec, Training } from '../src/jobs/spec/index.ts';
import { choice, defaulted, fillDefaults, nullable, strictObject, tagged } from '../src/schema.ts';

const Colour = tagged([
  strictObject({ type: Type.Literal('grey'), level: defaulted(Type.Integer({ minimum: 0 }), 7) }),
  strictObject({ type: Type.Literal('rgb'), red: Type.Integer(), green: defaulted(Type.Integer(), 1) }),
]);

describe('fillDefaults', () => {
  it('puts in a default where a field is missing and leaves what is given', () => {
    const schema = strictObject({ a: defaulted(Type.Integer(), 3), b: defaulted(Type.String(), 'x') });
    expect(fillDefaults(schema, { a: 4 })).toEqual({ a: 4, b: 'x' });
  });

  it('keeps a given null, zero, false and empty string', () => {
    const schema = strictObject({
      a: defaulted(nullable(Type.Integer()), 3),
      b: defaulted(Type.Integer(), 3),
      c: defaulted(Type.Boolean(), true),
      d: defaulted(Type.String(), 'x'),
    });
    expect(fillDefaults(schema, { a: null, b: 0, c: false, d: '' })).toEqual({ a: null, b: 0, c: false, d: '' });
  });

  it('fills inside a default that is itself incomplete', () => {
    const inner = strictObject({ x: defaulted(Type.Integer(), 1), y: defaulted(Type.Integer(), 2) });
    expect(fillDefaults(strictObject({ inner: defaulted(inner, { x: 9 } as never) }), {})).toEqual({ inner: { x: 9, y: 2 } });
  });

  it('leaves out an optional field without a default', () => {
    expect(Object.keys(fillDefaults(strictObject({ a: Type.Optional(Type.Integer()) }), {}))).toEqual([]);
  });

  it('fills the member that the tag names, and no other', () => {
    expect(fillDefaults(strictObject({ colour: Colour }), { colour: { type: 'rgb', red: 5 } })).toEqual({
      colour: { type: 'rgb', red: 5, green: 1 },
    });
    expect(fillDefaults(Colour, { type: 'grey' })).toEqual({ type: 'grey', level: 7 });
  });

  it('fills a tagged default and an object behind a nullable', () => {
    const schema = strictObject({
      colour: defaulted(Colour, { type: 'grey' } as never),
      maybe: nullable(strictObject({ a: defaulted(Type.Integer(), 3) })),
      tagged: nullable(Colour),
    });
    expect(fillDefaults(schema, { maybe: {}, tagged: { type: 'grey' } })).toEqual({
      colour: { type: 'grey', level: 7 },
      maybe: { a: 3 },
      tagged: { type: 'grey', level: 7 },
    });
  });

  it('fills every item of a list', () => {
    expect(fillDefaults(Type.Array(Colour), [{ type: 'grey' }, { type: 'grey', level: 1 }])).toEqual([
      { type: 'grey', level: 7 },
      { type: 'grey', level: 1 },
    ]);
  });

  it('does not share a default between two values, nor change the value given', () => {
    const schema = strictObject({ any: defaulted(Type.Unsafe<{ list: number[] }>({ type: 'object' }), { list: [1] }) });
    const given = {};
    fillDefaults(schema, given).any.list.push(2);
    expect(fillDefaults(schema, {})).toEqual({ any: { list: [1] } });
    expect(given).toEqual({});
  });

  it('is the identity on what it has filled', () => {
    const filled = fillDefaults(Training, { epochs: 2, optimizer: { type: 'sgd' } });
    expect(fillDefaults(Training, filled)).toEqual(filled);
    expect(filled.optimizer).toMatchObject({ type: 'sgd', learning_rate: 0.01, momentum: 0, nesterov: false });
  });
});

describe('a job specification', () => {
  const model_id = 'mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const dataset_id = 'dst_01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const bare = { type: 'prune', model_id, dataset_id };
  const prune = { ...bare, pruning: { criterion: { type: 'magnitude' }, target: { sparsity: 0.5 } } };

  it('gets every default of a prune job, with no fine-tuning unless asked for', () => {
    const filled = fillDefaults(JobSpec, prune) as PruneSpec;
    expect(filled.fine_tuning).toBeNull();
    expect(filled.packing).toBeNull();
    expect(filled.webhook).toBeNull();
    expect([filled.recipe, filled.target]).toEqual([null, null]);
    expect(filled.pruning).toEqual({
      criterion: { type: 'magnitude', p: 2 },
      structure: { type: 'unstructured' },
      scope: 'auto',
      min_layer_density: null,
      target: { sparsity: 0.5 },
      schedule: { type: 'one_shot', begin: 0 },
      regularization: null,
      after_cut: { learning_rate_warmup_steps: 0, threshold_warmup: false },
      compensation: 'auto',
      reestimate_batch_norm: 'auto',
      plan: null,
      plan_only: false,
      layers: { exclude: [], overrides: {} },
    });
    expect(filled.evaluation).toEqual({ latency_batch_size: 64, max_accuracy_drop: 0.005, thresholds: null, robustness: null });
    expect(Compile(JobSpec).Check(filled)).toBe(true);
  });

  it('gets every default of a packing', () => {
    expect((fillDefaults(JobSpec, { ...prune, packing: { clusters: 16, tuning: { epochs: 2 } } }) as PruneSpec).packing).toEqual({
      clusters: 16,
      max_bytes: null,
      quantization: null,
      rate: null,
      precision: null,
      layers: { exclude: [], overrides: {} },
      calibration_samples: 512,
      tuning: { epochs: 2, learning_rate: null },
    });
    expect((fillDefaults(JobSpec, { ...prune, packing: { rate: {} } }) as PruneSpec).packing).toMatchObject({
      rate: {
        weight: 5e-5,
        biases: true,
        ramp: 0.4,
        noise: 0.1,
        commit: 0.6,
        pull: 0.001,
        commit_learning_rate: 1,
        every_steps: 60,
        search: 0.1,
      },
      tuning: { epochs: null, learning_rate: null },
    });
  });

  it('gets the events of its webhook: how it ended', () => {
    const filled = fillDefaults(JobSpec, { ...prune, webhook: { url: 'https://example.com/hook' } });
    expect(filled.webhook).toEqual({ url: 'https://example.com/hook', events: ['succeeded', 'failed', 'cancelled'] });
    expect(Compile(JobSpec).Check(filled)).toBe(true);
  });

  it.each([
    ['a misspelt field', { ...prune, sede: 1 }],
    ['a misspelt field of a tagged member', { ...prune, pruning: { ...prune.pruning, criterion: { type: 'magnitude', q: 1 } } }],
    ['an unknown tag', { ...prune, pruning: { ...prune.pruning, criterion: { type: 'magic' } } }],
    ['an unknown target', { ...prune, pruning: { ...prune.pruning, target: { sparsities: 0.5 } } }],
    ['no target', { ...prune, pruning: { ...prune.pruning, target: {} } }],
    ['a sparsity of 1', { ...prune, pruning: { ...prune.pruning, target: { sparsity: 1 } } }],
    ['no pruning', bare],
    ['no pruning and no recipe', { ...bare, recipe: null }],
    ['no criterion', { ...prune, pruning: { target: { sparsity: 0.5 } } }],
    ['a target without a recipe and without a pruning', { ...bare, target: { max_bytes: 9 } }],
    ['an unknown recipe', { ...prune, recipe: 'smaller' }],
    ['a webhook without a URL', { ...prune, webhook: {} }],
    ['a webhook of no events', { ...prune, webhook: { url: 'https://example.com', events: [] } }],
    ['a webhook of an unknown event', { ...prune, webhook: { url: 'https://example.com', events: ['done'] } }],
    ['an id of another kind', { ...prune, model_id: dataset_id }],
  ])('is refused with %s', (_what, spec) => {
    expect(Compile(JobSpec).Check(prune)).toBe(true);
    expect(Compile(JobSpec).Check(spec)).toBe(false);
  });

  it('needs no pruning, or part of one, with a recipe', () => {
    const check = Compile(JobSpec);
    for (const more of [{}, { target: null }, { target: { max_bytes: 1700 } }, { pruning: { layers: { exclude: ['out'] } } }]) {
      expect(check.Check({ ...bare, recipe: 'smallest', ...more })).toBe(true);
    }
    expect(check.Check({ ...bare, recipe: 'smallest', target: { max_bytes: 0 } })).toBe(false);
  });

  it('is refused with a value that is not among the choices', () => {
    const check = Compile(choice(['a', 'b']));
    expect([check.Check('a'), check.Check('c'), check.Check(1)]).toEqual([true, false, false]);
  });
});
