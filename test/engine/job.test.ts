/** Whole jobs at the edges of what they promise. The usual ones are in `seed.test.ts`, interrupted ones in `resume.test.ts`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../src/engine/checkpoint.ts';
import { totalMacs } from '../../src/model/costs.ts';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { bitmap } from '../../src/pruning/bitmap.ts';
import type { SideCosts } from '../../src/report/receipt.ts';
import type { WeightsRemoved } from '../../src/report/weights-removed.ts';
import { storedDataset } from '../helpers/datasets.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  documentOf,
  functional,
  layer,
  randomFill,
  sequential,
} from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const SAMPLES = 60;
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const vectors = () => storedDataset(drawn([SAMPLES, 6], 'vectors'), classes, { selection: 10, test: 10 });
const zerosOf = (document: ModelDocument, key: string) => document.weights.get(key)!.data.filter((value) => value === 0).length;
const short = { epochs: 2, batch_size: 20 };
const magnitude = { type: 'magnitude' };

describe('pruning weights', () => {
  it('meets its sparsity to the weight where layers are cut alike, however their shares round', async () => {
    const widths = [7, 5, 9, 7, 5, 9, 7];
    const document = documentOf(sequential([6], [...widths.map((units, at) => dense(`d${at}`, units)), dense('out', 3)]), randomFill(1));
    const posted = { type: 'prune', pruning: { criterion: magnitude, scope: 'layer', target: { sparsity: 0.55 } } };
    const { result } = await runPosted(posted, { document, ...vectors() });
    const weights = [6, ...widths].reduce((sum, inputs, at) => sum + inputs * [...widths, 3][at]!, 0);
    expect(result!.target).toMatchObject({ met: true, achieved: { sparsity: Math.round(0.55 * weights) / weights } });
  });

  it('cuts frozen layers, which fine-tuning then leaves as they are', async () => {
    const document = documentOf(sequential([6], [dense('a', 8, { trainable: false }), dense('out', 3)]), randomFill(1));
    const posted = { type: 'prune', pruning: { criterion: magnitude, target: { sparsity: 0.5 } }, fine_tuning: short };
    const after = (await runPosted(posted, { document, ...vectors() })).document!;
    const [before, pruned] = [document, after].map(({ weights }) => weights.get('a/kernel')!.data);
    expect(zerosOf(after, 'a/kernel') + zerosOf(after, 'out/kernel')).toBe(36);
    expect(zerosOf(after, 'a/kernel')).toBeGreaterThan(10);
    for (const [index, value] of pruned!.entries()) if (value !== 0) expect(value).toBe(before![index]);
    expectSameBits(after.weights.get('a/bias')!.data, document.weights.get('a/bias')!.data);
  });

  it('keeps the zeros that are there already, and counts them', async () => {
    const dense2 = documentOf(sequential([6], [dense('a', 8), dense('out', 3)]), randomFill(1));
    const kernel = dense2.weights.get('a/kernel')!;
    const document = withWeights(
      dense2,
      new Map([...dense2.weights, ['a/kernel', { ...kernel, data: kernel.data.map((value, at) => (at % 3 === 0 ? 0 : value)) }]]),
    );
    const posted = { type: 'prune', pruning: { criterion: magnitude, target: { sparsity: 0.4 } }, fine_tuning: short };
    const after = (await runPosted(posted, { document, ...vectors() })).document!;
    expect(zerosOf(after, 'a/kernel') + zerosOf(after, 'out/kernel')).toBe(Math.round(0.4 * 72));
    for (const [index, value] of after.weights.get('a/kernel')!.data.entries()) if (index % 3 === 0) expect(Object.is(value, 0)).toBe(true);
  });

  it('gives layers their own fraction', async () => {
    const document = documentOf(sequential([6], [dense('a', 10), dense('out', 3)]), randomFill(1));
    const layers = { overrides: { out: { sparsity: 0.1 } } };
    const posted = (schedule: Record<string, unknown>) => ({
      type: 'prune',
      pruning: { criterion: magnitude, target: { sparsity: 0.5 }, layers, schedule },
      fine_tuning: short,
    });
    for (const schedule of [{ type: 'one_shot' }, { type: 'polynomial' }, { type: 'iterative', rounds: 2 }]) {
      const after = (await runPosted(posted(schedule), { document, ...vectors() })).document!;
      expect([zerosOf(after, 'out/kernel'), zerosOf(after, 'a/kernel')], schedule.type).toEqual([3, 42]);
    }
  });

  it.each([
    { type: 'dynamic', every_steps: 1, gamma: 0.01 },
    { type: 'dynamic', every_steps: 1, deviations: 0.2 },
    { type: 'rigl', every_steps: 1 },
    { type: 'one_shot', begin: 0.4 },
    { type: 'iterative', begin: 0.4, rounds: 2 },
  ])('meets its target to the weight and keeps zeros under %j, with the jump of the norm at its cuts', async (schedule) => {
    const dense2 = documentOf(sequential([6], [dense('a', 12), dense('out', 3)]), randomFill(1));
    const kernel = dense2.weights.get('a/kernel')!;
    const zeros = kernel.data.map((value, at) => (at % 5 === 0 ? 0 : value));
    const document = withWeights(dense2, new Map([...dense2.weights, ['a/kernel', { ...kernel, data: zeros }]]));
    const fine_tuning = { epochs: 10, batch_size: 20, optimizer: { type: 'adam', learning_rate: 0.03 } };
    const posted = { type: 'prune', pruning: { criterion: magnitude, target: { sparsity: 0.7 }, schedule }, fine_tuning };
    const { document: after, rows, result } = await runPosted(posted, { document, ...vectors() });
    // RigL's newest weights may still be 0.
    expect(zerosOf(after!, 'a/kernel') + zerosOf(after!, 'out/kernel')).toBe(Math.round(0.7 * 108));
    for (const [index, value] of after!.weights.get('a/kernel')!.data.entries())
      if (index % 5 === 0) expect(Object.is(value, 0)).toBe(true);
    const prune = rows.filter(({ series }) => series === 'prune');
    const sum = (column: string) => prune.reduce((total, { values }) => total + Number(values[column] ?? 0), 0);
    if (schedule.type === 'dynamic') expect(sum('left')).toBeGreaterThan(3);
    // A threshold that grows with the target leaves few to return.
    if ('deviations' in schedule) expect(sum('returned')).toBeGreaterThan(3);
    if (schedule.type === 'rigl') expect(sum('moved')).toBeGreaterThan(10);
    const cuts = result!.cuts as { step: number; gradient_norm: { before: number | null; after: number; ratio: number | null } }[];
    const norms = rows.filter(({ series }) => series === 'step').map(({ values }) => Number(values.gradient_norm));
    // Every event has the norm behind it in the series; moves of masks are no cuts.
    const events = prune.filter(({ values }) => values.sparsity != null || values.moved != null).map(({ step }) => step);
    const told = prune.filter(({ values }) => values.gradient_norm_after != null);
    expect(told.map(({ step }) => step - 1)).toEqual([...new Set(events)]);
    for (const { step, values } of told) expect(values.gradient_norm_after).toBe(norms[step - 1]);
    expect(cuts.map(({ step }) => step)).toEqual({ dynamic: [15], rigl: [0], one_shot: [8], iterative: [8, 14] }[schedule.type]);
    for (const { step, gradient_norm: spike } of cuts) {
      expect(spike.after).toBe(norms[step]);
      const before = norms.slice(0, step).sort((a, b) => a - b);
      const middle = (before[Math.floor((step - 1) / 2)]! + before[Math.floor(step / 2)]!) / 2;
      if (step === 0) expect(spike).toMatchObject({ before: null, ratio: null });
      else expectClose([spike.before!, spike.ratio!], [middle, spike.after / middle], { relative: 1e-12 });
    }
  });

  it('eases a cut: the learning rate rises again, and so does the threshold that has come down', async () => {
    const document = documentOf(sequential([6], [dense('a', 12), dense('out', 3)]), randomFill(1));
    const clipping = { type: 'value', clip_value: 1, warmup: { steps: 4, from: 5 } };
    const fine_tuning = { ...short, epochs: 4, optimizer: { type: 'sgd', learning_rate: 0.5 }, clipping };
    const pruning = {
      criterion: magnitude,
      target: { sparsity: 0.5 },
      schedule: { type: 'one_shot', begin: 0.5 },
      after_cut: { learning_rate_warmup_steps: 2, threshold_warmup: true },
    };
    const { rows } = await runPosted({ type: 'prune', pruning, fine_tuning }, { document, ...vectors() });
    const column = (name: string) => rows.filter(({ series }) => series === 'step').map(({ values }) => values[name]);
    expect(column('learning_rate')).toEqual([0.5, 0.5, 0.5, 0.5, 0.25, 0.5, 0.5, 0.5]);
    expect(column('clipping_threshold')).toEqual([5, 4, 3, 2, 5, 4, 3, 2]);
  });

  it('does not take weights that training made zero for pruned ones when it goes on before its first cut', async () => {
    const document = documentOf(sequential([6], [dense('a', 8), dense('out', 3)]), randomFill(1));
    // The range makes zeros of every negative weight; cuts begin at step 4 of 8.
    const posted = {
      type: 'prune',
      pruning: { criterion: magnitude, target: { sparsity: 0.6 }, schedule: { type: 'polynomial', begin: 0.5, end: 0.8 } },
      fine_tuning: { epochs: 4, batch_size: 20, weight_range: [0, 1], optimizer: { type: 'sgd', learning_rate: 0.5 } },
    };
    const data = vectors();
    const undisturbed = await runPosted(posted, { document, ...data });
    const broken = await runPosted(posted, { document, ...data, until: 2 });
    expect(broken.result).toBeNull();
    const resumed = await runPosted(posted, { document, ...data, resume: broken.checkpoints.get(2)! });
    for (const [key, { data: weights }] of undisturbed.document!.weights)
      expectSameBits(resumed.document!.weights.get(key)!.data, weights, key);
    expect([...broken.rows, ...resumed.rows]).toEqual(undisturbed.rows);
  });
});

describe('training towards a cut', () => {
  const network = documentOf(
    sequential([6], [dense('a', 12), batchNormalization('n'), layer('ReLU', 'r'), dense('b', 8, { activation: 'relu' }), dense('out', 3)]),
    randomFill(1),
  );
  const channels = { structure: { type: 'channels' }, target: { macs: 0.6 } };
  const zeros = { target: { sparsity: 0.6 } };
  const movement = { criterion: { type: 'movement' } };
  const late = { schedule: { type: 'one_shot', begin: 0.5 } };
  const polynomial = { schedule: { type: 'polynomial', every_steps: 1 } };
  it.each([
    { ...movement, ...zeros, ...late },
    { ...movement, ...zeros, ...polynomial, structure: { type: 'block', rows: 2, cols: 2 } },
    { ...movement, ...channels, schedule: { type: 'iterative', begin: 0.25, rounds: 2 } },
    { criterion: magnitude, ...channels, ...late, regularization: { type: 'growing_l2', increase: 0.2, every_steps: 1 } },
    { criterion: magnitude, ...zeros, ...polynomial, regularization: { type: 'growing_l2', increase: 0.2, every_steps: 1 } },
    { criterion: { type: 'batchnorm_scale' }, ...channels, ...late, regularization: { type: 'l1_scale' }, layers: { include: ['a'] } },
    { criterion: magnitude, ...channels, ...late, regularization: { type: 'group_lasso', coefficient: 0.01 } },
  ])('meets its target under %j with a teacher', async (pruning) => {
    const features = [{ teacher_layer: 'out', student_layer: 'out', weight: 0.1 }];
    const fine_tuning = { epochs: 4, batch_size: 20, distillation: { features } };
    const { rows, result, frames } = await runPosted({ type: 'prune', pruning, fine_tuning }, { document: network, ...vectors() });
    expect(result!.target).toMatchObject({ met: true });
    const steps = rows.filter(({ series }) => series === 'step').map(({ values }) => values);
    expect(steps.every(({ distillation_loss }) => Number(distillation_loss) >= 0)).toBe(true);
    // The student is the teacher until it is trained, but for the batch's own statistics.
    expect(Number(steps.at(-1)!.distillation_loss)).toBeGreaterThan(0);
    if (!('regularization' in pruning)) return;
    const cut = (result!.cuts as { step: number }[]).at(-1)!.step;
    const penalised = steps.map(({ penalty }) => Number(penalty) > 0);
    // What is marked may all be cut before the last cut is made.
    expect(penalised.slice(0, cut - 1)).toEqual(Array(cut - 1).fill(true));
    expect(penalised.slice(cut).includes(true)).toBe(false);
    expect(frames.filter(({ kind }) => kind === 'warning')).toEqual([]);
  });
});

describe('going back', () => {
  const network = () =>
    documentOf(sequential([6], [dense('a', 10), batchNormalization('n'), layer('ReLU', 'r'), dense('out', 3)]), randomFill(4));
  const rate = 0.05;
  const fine_tuning = {
    epochs: 6,
    batch_size: 20,
    optimizer: { type: 'adam', learning_rate: rate, epsilon: 1e-15 },
    learning_rate_schedule: { type: 'cosine', final_fraction: 0.2 },
  };
  /** Adam's first step moves a weight by the rate, whatever its gradient; that of a unit which no sample reaches is 0. */
  const expectOneStepFrom = (then: Float32Array, now: Float32Array, rateNow: number): void => {
    const moved = [...now.keys()].filter((at) => now[at] !== 0).map((at) => Math.abs(now[at]! - then[at]!));
    const reached = moved.filter((by) => by !== 0);
    expect(reached.length).toBeGreaterThan(moved.length / 2);
    expectClose(
      reached,
      reached.map(() => rateNow),
      { relative: 1e-3 },
    );
  };
  const cosine = (progress: number): number => rate * (0.2 + 0.8 * 0.5 * (1 + Math.cos(Math.PI * progress)));

  it('survivors and the learning rate go back to a step of the dense training, each round', async () => {
    // 12 steps: 4 dense, then two rounds of 4; 2 of the 4 dense ones are skipped, so that a round's course is of 8 steps.
    const schedule = { type: 'rewind', begin: 1 / 3, rounds: 2, rewind_to: { step: 2 } };
    const pruning = { criterion: magnitude, target: { sparsity: 0.6 }, schedule };
    const posted = { type: 'prune', pruning, fine_tuning };
    const { checkpoints, rows, result } = await runPosted(posted, { document: network(), ...vectors(), until: Number.POSITIVE_INFINITY });
    expect(result!.target).toMatchObject({ met: true });
    expect(result!.cuts).toMatchObject([4, 8].map((step) => ({ step, rewound_to: { step: 2 } })));
    const at = (step: number) => readCheckpoint(checkpoints.get(step)!)!.arrays;
    const rates = rows.filter(({ series }) => series === 'step').map(({ values }) => Number(values.learning_rate));
    const round = [4, 5, 6, 7].map((step) => cosine(step / 7));
    expectClose(rates, [...[0, 1, 2, 3].map((step) => cosine(step / 3)), ...round, ...round], { relative: 1e-6 });
    for (const after of [5, 9])
      for (const key of ['weights/a/kernel', 'weights/out/bias'])
        expectOneStepFrom(at(2).get(key)!.data as Float32Array, at(after).get(key)!.data as Float32Array, round[0]!);
  });

  it('survivors of channels go back to another model, cut as they are', async () => {
    const earlier = withWeights(network(), documentOf(network().config, randomFill(8)).weights);
    const schedule = { type: 'rewind', rounds: 2, rewind_to: { model_id: 'mdl_earlier' }, learning_rate_from: 0.5 };
    const pruning = { criterion: magnitude, structure: { type: 'channels' }, target: { macs: 0.5 }, schedule };
    const input = { document: network(), ...vectors(), further: { mdl_earlier: earlier }, until: Number.POSITIVE_INFINITY };
    const { checkpoints, rows, result } = await runPosted({ type: 'prune', pruning, fine_tuning }, input);
    expect(result!.target).toMatchObject({ met: true });
    const now = readCheckpoint(checkpoints.get(7)!)!.arrays;
    const kept = now.get('weights/n/gamma')!.data.length;
    expect(kept).toBeLessThan(10);
    const first = Number(rows.filter(({ series }) => series === 'step')[6]!.values.learning_rate);
    expectClose([first], [cosine(6 / 11)], { relative: 1e-6 });
    // Units keep their order: each is found where its gamma was, one step away.
    const gamma = earlier.weights.get('n/gamma')!.data;
    const from = [...now.get('weights/n/gamma')!.data].map((value) =>
      gamma.findIndex((then) => [0, first].some((moved) => Math.abs(Math.abs(value - then) - moved) < 1e-5)),
    );
    expect(from).not.toContain(-1);
    const kernel = earlier.weights.get('out/kernel')!.data;
    const taken = from.flatMap((unit) => [...kernel.subarray(unit * 3, unit * 3 + 3)]);
    expectOneStepFrom(Float32Array.from(taken), now.get('weights/out/kernel')!.data as Float32Array, first);
  });

  it('only the learning rate goes back where that is asked for', async () => {
    const pruning = { criterion: magnitude, target: { sparsity: 0.6 }, schedule: { type: 'lr_rewind', rounds: 2 } };
    const { rows, result } = await runPosted({ type: 'prune', pruning, fine_tuning }, { document: network(), ...vectors() });
    expect(result!.target).toMatchObject({ met: true });
    const rates = rows.filter(({ series }) => series === 'step').map(({ values }) => Number(values.learning_rate));
    const round = [0, 1, 2, 3, 4, 5].map((step) => cosine(step / 5));
    expectClose(rates, [...round, ...round], { relative: 1e-6 });
  });
});

it('another model teaches where one is named, also in train jobs', async () => {
  const student = documentOf(sequential([6], [dense('out', 3)]), randomFill(1));
  const teacher = documentOf(sequential([6], [dense('h', 4), dense('last', 3)]), randomFill(2));
  const { facts, files } = vectors();
  const distillation = { teacher_model_id: 'mdl_teacher', weight: 1 };
  const training = { epochs: 1, batch_size: 40, loss: 'mean_squared_error', distillation };
  const { rows } = await runPosted({ type: 'train', training }, { document: student, facts, files, further: { mdl_teacher: teacher } });
  const x = drawn([SAMPLES, 6], 'vectors').data.slice(0, 40 * 6);
  const layerOf = (rowsIn: ArrayLike<number>, { weights }: ModelDocument, name: string): number[] => {
    const [kernel, bias] = ['kernel', 'bias'].map((part) => weights.get(`${name}/${part}`)!) as [
      { shape: readonly number[]; data: Float32Array },
      { data: Float32Array },
    ];
    const [inputs, units] = kernel.shape as [number, number];
    return Array.from({ length: 40 * units }, (_, at) => {
      const [row, unit] = [Math.floor(at / units), at % units];
      let sum = bias.data[unit]!;
      for (let input = 0; input < inputs; input++) sum += rowsIn[row * inputs + input]! * kernel.data[input * units + unit]!;
      return sum;
    });
  };
  const [said, taught] = [layerOf(x, student, 'out'), layerOf(layerOf(x, teacher, 'h'), teacher, 'last')];
  const lesson = said.reduce((sum, value, at) => sum + (value - taught[at]!) ** 2, 0) / said.length;
  const step = rows.find(({ series }) => series === 'step')!.values;
  expectClose([Number(step.distillation_loss)], [lesson], { relative: 1e-5 });
});

describe('weights that make up for others', () => {
  it.each([
    ['sparsegpt', { type: 'n_m' }, { type: 'iterative', rounds: 2 }],
    ['woodfisher', { type: 'unstructured' }, { type: 'polynomial' }],
    ['synflow', { type: 'block', rows: 2, cols: 2 }, { type: 'one_shot' }],
  ])('by %s, %j keep their zeros through %j and their training', async (type, structure, schedule) => {
    const document = documentOf(sequential([6], [dense('a', 8), dense('b', 8), dense('out', 3)]), randomFill(1));
    const criterion = { type, ...(type === 'synflow' ? { iterations: 3 } : { calibration_batches: 3, calibration_batch_size: 8 }) };
    const posted = { type: 'prune', pruning: { criterion, structure, schedule, target: { sparsity: 0.5 } }, fine_tuning: short };
    const { document: after, result } = await runPosted(posted, { document, ...vectors() });
    expect(result!.target).toMatchObject({ met: true });
    for (const key of ['a/kernel', 'b/kernel', 'out/kernel']) {
      for (const value of after!.weights.get(key)!.data) expect(Object.is(value, -0)).toBe(false);
    }
    expect((result!.cuts as object[]).every((cut) => !('weight_scores' in cut))).toBe(true);
    const { of, kernels } = result!.weights as WeightsRemoved;
    expect(of).toBe(structure.type === 'block' ? 'blocks' : 'weights');
    // Of a layer that is small among others the last cut may take nothing more.
    expect(kernels.some(({ highest_removed: highest }) => highest !== null)).toBe(true);
    for (const { kernel: key, after: left, distribution } of kernels) {
      const { data } = after!.weights.get(key)!;
      if (of === 'weights') expect(left).toBe(data.filter((value) => value !== 0).length);
      expect(distribution!.reduce((sum, { kept }) => sum + kept, 0)).toBe(left);
    }
    if (structure.type !== 'n_m') return;
    // Columns of a are units: of every four inputs two, of the last two both.
    const kernel = after!.weights.get('a/kernel')!.data;
    for (let unit = 0; unit < 8; unit++)
      expect([0, 1, 2, 3, 4, 5].map((input) => (kernel[input * 8 + unit] !== 0 ? 1 : 0)).join('')).toMatch(
        /^(?=(?:0*1){2}0*1{2}$)[01]{4}11$/,
      );
  });
});

describe('targets', () => {
  const wide = documentOf(sequential([6], [dense('a', 40), dense('b', 40), dense('out', 3)]), randomFill(1));
  const target = async (asked: Record<string, number>, structure: string, more: Record<string, unknown> = {}) => {
    const pruning = { criterion: magnitude, structure: { type: structure }, target: asked, ...more };
    const { result, document } = await runPosted({ type: 'prune', pruning, fine_tuning: short }, { document: wide, ...vectors() });
    const { target, receipt } = result as { target: Record<string, never>; receipt: { original: SideCosts; result: SideCosts } };
    return { target, receipt, document: document! };
  };

  it.each(['unstructured', 'channels'])('of parameters are met by %s, and counted on what is exported', async (structure) => {
    const { target: reported, receipt } = await target({ parameters: 0.4 }, structure);
    const kept = (receipt.result.parameters - (structure === 'channels' ? 0 : receipt.result.zeros)) / receipt.original.parameters;
    expect(reported).toMatchObject({ requested: { parameters: 0.4 }, achieved: { parameters: kept }, met: true });
    expect(kept).toBeLessThanOrEqual(0.4 + 3 / receipt.original.parameters);
    expect(kept).toBeGreaterThan(0.38);
  });

  it.each(['unstructured', 'channels'])('of bytes are met by %s in the file itself, training included', async (structure) => {
    const { target: reported, receipt } = await target({ bytes: 0.7 }, structure);
    const kept = receipt.result.file_bytes / receipt.original.file_bytes;
    expect(reported).toMatchObject({ achieved: { bytes: kept }, met: true });
    expect(kept).toBeLessThanOrEqual(0.7 * 1.01);
    expect(kept).toBeGreaterThan(0.65);
  });

  it('are checked layer by layer, overrides by pattern with them', async () => {
    const layers = { overrides: { '[ab]': {}, 'b*': { min_channels: 30, round_to: 5 } } };
    await expectProblem(() => target({ parameters: 0.6 }, 'channels', { layers }), 'UNKNOWN_LAYER');
    const { 'b*': b } = layers.overrides;
    const { target: reported, document } = await target({ parameters: 0.6 }, 'channels', { layers: { overrides: { 'b*': b } } });
    const units = (name: string) => document.weights.get(`${name}/bias`)!.shape[0]!;
    expect(units('b') % 5).toBe(0);
    expect(units('b')).toBeGreaterThanOrEqual(30);
    expect(reported.layers).toMatchObject([
      { name: 'a', units: { before: 40, after: units('a') }, met: true },
      { name: 'b', units: { before: 40, after: units('b') }, met: true },
      { name: 'out', units: { before: 3, after: 3 }, met: true },
    ]);
  });

  it('that do not go with the structure are refused', async () => {
    await expectProblem(() => target({ macs: 0.5 }, 'unstructured'), 'INCOMPATIBLE_OPTIONS', /no runtime skips/);
    await expectProblem(() => target({ sparsity: 0.5 }, 'channels'), 'INCOMPATIBLE_OPTIONS', /removed, not zeroed/);
    await expectProblem(() => target({ parameters: 0.001 }, 'channels'), 'TARGET_OUT_OF_REACH', /of the parameters are left/);
    await expectProblem(() => target({ parameters: 0.001 }, 'unstructured'), 'TARGET_OUT_OF_REACH');
  });
});

describe('removing channels', () => {
  const images = () => storedDataset(drawn([SAMPLES, 6, 6], 'images'), classes, { selection: 10, test: 10 });
  const knotted: Config = functional((net) => {
    const x = net.input('x', [6, 6, 1]);
    const same = { padding: 'same' };
    const a = net.call(batchNormalization('n'), net.call(conv2d('a', 4, 3, same), x));
    const b = net.call(conv2d('b', 3, 3, same), x);
    const joined = net.call(layer('Concatenate', 'ab'), a, b);
    const sum = net.call(layer('Add', 'sum'), joined, net.call(conv2d('c', 7, 3, same), x));
    const padded = net.call(batchNormalization('m'), net.call(layer('ZeroPadding2D', 'z', { padding: 1 }), sum));
    const places = net.call(layer('Reshape', 'r', { target_shape: [-1, 7] }), padded);
    const read = net.call(dense('d', 5, { activation: 'relu' }), places);
    return net.call(dense('out', 3, { activation: 'softmax' }), net.call(layer('Flatten', 'f'), read));
  });

  it.each(['magnitude', 'gradient', 'taylor', 'random'])('by %s meets its target through every knot, with its proof', async (type) => {
    const document = documentOf(knotted, randomFill(1));
    const posted = {
      type: 'prune',
      pruning: { criterion: { type }, structure: { type: 'channels' }, target: { macs: 0.4 }, schedule: { type: 'iterative', rounds: 2 } },
      fine_tuning: short,
    };
    const { document: after, result } = await runPosted(posted, { document, ...images() });
    expect(totalMacs(after!.graph)).toBeLessThanOrEqual(0.4 * totalMacs(document.graph));
    expect(result!.target).toMatchObject({ met: true, achieved: { macs: totalMacs(after!.graph) / totalMacs(document.graph) } });
    const cuts = result!.cuts as { proof: { holds: boolean; vacuous: boolean; inputs: number } }[];
    expect(cuts.map(({ proof }) => [proof.holds, proof.vacuous, proof.inputs])).toEqual([
      [true, false, 40],
      [true, false, 40],
    ]);
  });

  it.each([
    { type: 'polynomial', every_steps: 1 },
    { type: 'iterative', rounds: 7 },
  ])('by %j cuts little by little, a layer by its own fraction of what it had, and leaves out cuts of nothing', async (schedule) => {
    const document = documentOf(sequential([6], [dense('a', 20), dense('b', 12), dense('out', 3)]), randomFill(1));
    const posted = {
      type: 'prune',
      pruning: {
        criterion: magnitude,
        structure: { type: 'channels' },
        target: { macs: 0.4 },
        layers: { overrides: { b: { sparsity: 0.25 } } },
        schedule,
      },
      fine_tuning: { ...short, epochs: 4 },
    };
    const { document: after, result } = await runPosted(posted, { document, ...vectors() });
    expect(after!.weights.get('b/kernel')!.shape[1]).toBe(9);
    expect(result!.target).toMatchObject({ met: true });
    const cuts = result!.cuts as { step: number; macs: number; proof: { holds: boolean } }[];
    expect(cuts.length).toBeGreaterThan(3);
    for (const [index, { macs, proof }] of cuts.entries()) {
      expect(proof.holds).toBe(true);
      // The last is there even where those before have met the target.
      expect(macs).toBeLessThan((cuts[index - 1]?.macs ?? totalMacs(document.graph)) + (index === cuts.length - 1 ? 1 : 0));
    }
    if (schedule.type === 'polynomial') expect(cuts.at(-1)!.step).toBe(6);
  });

  it('runs on the data’s size where the model’s input axes are free', async () => {
    const config = sequential([null, null, 1], [conv2d('a', 6, 3), layer('GlobalAveragePooling2D', 'g'), dense('out', 3)]);
    const posted = {
      type: 'prune',
      pruning: { criterion: { type: 'taylor' }, structure: { type: 'channels' }, target: { macs: 0.5 } },
      fine_tuning: short,
    };
    const { document } = await runPosted(posted, { document: documentOf(config, randomFill(1)), ...images() });
    expect(document!.weights.get('a/kernel')!.shape).toEqual([3, 3, 1, 3]);
    expect(document!.graph.inputs[0]!.shape).toEqual([null, null, 1]);
  });

  it('warns of a proof that proves nothing', async () => {
    const config = sequential([6, 6, 1], [conv2d('a', 6, 3), layer('Flatten', 'f'), dense('out', 3)]);
    const document = documentOf(config, (key, index) => (key === 'out/kernel' ? 0 : index));
    const posted = { type: 'prune', pruning: { criterion: magnitude, structure: { type: 'channels' }, target: { macs: 0.5 } } };
    const { frames } = await runPosted(posted, { document, ...images() });
    expect(frames.filter((frame) => frame.kind === 'warning').map(({ warning }) => warning.code)).toEqual(['PROOF_VACUOUS']);
  });
});

describe('plans', () => {
  const dense3 = documentOf(sequential([6], [dense('a', 12, { activation: 'relu' }), dense('b', 8), dense('out', 3)]), randomFill(1));
  const kernel = dense3.weights.get('a/kernel')!;
  const zeros = kernel.data.map((value, at) => (at % 7 === 0 ? 0 : value));
  const document = withWeights(dense3, new Map([...dense3.weights, ['a/kernel', { ...kernel, data: zeros }]]));
  const calibrated = { calibration_batches: 2, calibration_batch_size: 16 };
  const bytesOf = ({ files }: { files: Record<string, string> }) => readFileSync(files.model!).toString('base64');

  it.each([
    { criterion: { type: 'taylor', ...calibrated }, structure: { type: 'channels' }, target: { macs: 0.5 } },
    { criterion: { type: 'random' }, structure: { type: 'channels', round_to: 2 }, target: { bytes: 0.8 } },
    { criterion: magnitude, target: { bytes: 0.9 } },
    { criterion: { type: 'wanda', ...calibrated }, structure: { type: 'n_m' }, target: { sparsity: 0.5 } },
    { criterion: { type: 'synflow', iterations: 3 }, structure: { type: 'block', rows: 2, cols: 2 }, target: { sparsity: 0.6 } },
  ])('of %j are what the job would cut, and are replayed byte for byte', async (pruning) => {
    const posted = (more: Record<string, unknown>) => ({ type: 'prune', pruning: { ...pruning, ...more }, fine_tuning: short });
    const direct = await runPosted(posted({}), { document, ...vectors() });
    const planned = await runPosted(posted({ plan_only: true }), { document, ...vectors() });
    expect(planned.document).toBeNull();
    expect(planned.rows.filter(({ series }) => series === 'step')).toEqual([]);
    const plan = JSON.parse(readFileSync(planned.files.plan!, 'utf8'));
    const job_id = 'job_00000000000000000000000000';
    for (const source of [{ plan: { job_id } }, { plan }]) {
      const replayed = await runPosted(posted(source), { document, ...vectors(), plan: planned.files.plan! });
      expect(bytesOf(replayed)).toBe(bytesOf(direct));
    }
    const [cut] = direct.result!.cuts as { seconds: Record<string, number>; units?: unknown; sparsity?: number }[];
    const channels = plan.structure === 'channels';
    expect(Object.keys(cut!.seconds)).toEqual(['scoring', 'plan', 'surgery', ...(channels ? ['proof'] : [])]);
    expect((planned.result!.cuts as unknown[])[0]).toMatchObject(channels ? { units: cut!.units } : { sparsity: cut!.sparsity });
    const [told, other] = channels ? (['units', 'weights'] as const) : (['weights', 'units'] as const);
    expect(direct.result![told]).toBeDefined();
    expect(planned.result![told]).toEqual(direct.result![told]);
    expect(direct.result![other]).toBeUndefined();
    if (!channels) return;
    for (const { units, kept, removed, scores } of plan.groups) {
      expect([...kept, ...removed].sort((x, y) => x - y)).toEqual(Array.from({ length: units }, (_, at) => at));
      const lowest = Math.min(...kept.map((unit: number) => scores[unit]));
      for (const unit of removed) expect(scores[unit]).toBeLessThanOrEqual(lowest);
    }
  });

  it('written by hand say what goes and nothing else', async () => {
    const posted = (pruning: Record<string, unknown>) => ({ type: 'prune', pruning: { criterion: { type: 'planned' }, ...pruning } });
    const groups = [
      { layers: ['a'], removed: [3, 0] },
      { layers: ['b'], kept: [7, 1, 2] },
    ];
    const smaller = await runPosted(posted({ structure: { type: 'channels' }, target: { macs: 1 }, plan: { groups } }), {
      document,
      ...vectors(),
    });
    const units = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11];
    expectSameBits(
      smaller.document!.weights.get('a/bias')!.data,
      Float32Array.from(units, (at) => document.weights.get('a/bias')!.data[at]!),
    );
    expectSameBits(
      smaller.document!.weights.get('b/kernel')!.data,
      Float32Array.from(units.flatMap((input) => [1, 2, 7].map((unit) => document.weights.get('b/kernel')!.data[input * 8 + unit]!))),
    );
    expect(smaller.result!.cuts).toMatchObject([{ proof: { holds: true } }]);

    const gone = new Uint8Array(24).map((_, at) => (at % 2 ? 1 : 0));
    const kernels = [{ weight: 'out/kernel', removed: bitmap(gone) }];
    const zeroed = await runPosted(posted({ target: { sparsity: 0.05 }, plan: { kernels } }), { document, ...vectors() });
    expect(Array.from(zeroed.document!.weights.get('out/kernel')!.data, (value) => (value === 0 ? 1 : 0))).toEqual([...gone]);
    expectSameBits(zeroed.document!.weights.get('a/kernel')!.data, zeros);
    const block = posted({ structure: { type: 'block', rows: 2, cols: 2 }, target: { sparsity: 0.05 }, plan: { kernels } });
    await expectProblem(
      () => runPosted(block, { document, ...vectors() }),
      'INCOMPATIBLE_OPTIONS',
      /2 of the 4 weights of a block of out\/kernel/,
    );
  });
});

describe('training', () => {
  const broken = () => {
    const x = drawn([SAMPLES, 6], 'vectors');
    x.data.fill(3e38, 0, 6);
    return storedDataset(x, classes, { selection: 10, test: 10 });
  };
  const document = documentOf(sequential([6], [dense('a', 8), dense('out', 3)]), randomFill(1));

  it('that meets a number that is not finite fails, says where, and leaves what to do', async () => {
    const problem = await expectProblem(
      () => runPosted({ type: 'train', training: short }, { document, ...broken() }),
      'NON_FINITE_GRADIENT',
      /At step [01] the (loss|gradient of \S+) is not finite; nothing was updated/,
    );
    expect(problem.message).toMatch(/skip_step/);
  });

  it('goes on where it is to skip such steps, and counts them', async () => {
    const { result, document: after } = await runPosted(
      { type: 'train', training: { ...short, on_non_finite: 'skip_step' } },
      { document, ...broken() },
    );
    expect(result!.training).toMatchObject({ steps: 4, skipped_steps: 2 });
    for (const { data } of after!.weights.values()) expect(data.every(Number.isFinite)).toBe(true);
  });

  it('that ends in a model without finite numbers fails by that name, whether steps are skipped or not', async () => {
    const x = drawn([SAMPLES, 6], 'vectors');
    for (const [index, value] of x.data.entries()) x.data[index] = value * 1e15;
    const spec = { ...short, epochs: 4, on_non_finite: 'skip_step', optimizer: { type: 'sgd', learning_rate: 1e6 } };
    await expectProblem(
      () => runPosted({ type: 'train', training: spec }, { document, ...storedDataset(x, classes, { selection: 10, test: 10 }) }),
      'TRAINING_DIVERGED',
      /At the end .* Lower the learning rate/,
    );
  });

  it('without test samples says so instead of a quality', async () => {
    const { result } = await runPosted(
      { type: 'train', training: short },
      { document, ...storedDataset(drawn([SAMPLES, 6], 'vectors'), classes) },
    );
    const { receipt } = result as {
      receipt: { result: { test: unknown }; comparison: unknown; claims: Record<string, { reason: string }> };
    };
    expect(receipt.result.test).toBeNull();
    expect(receipt.comparison).toBeNull();
    expect(receipt.claims.as_accurate!.reason).toBe('NO_TEST_SPLIT');
  });
});
