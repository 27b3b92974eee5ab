/** Whole jobs that look for the furthest cut within a loss of accuracy. */
import { describe, expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import type { accuracyReport } from '../../src/pruning/accuracy-report.ts';
import { dropBound, smallestBound } from '../../src/report/paired-drop.ts';
import type { Receipt } from '../../src/report/receipt.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { type JobInput, type JobOutcome, runPosted } from '../helpers/jobs.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const SAMPLES = 500;
const SELECTION = 150;
const x = drawn([SAMPLES, 6], 'vectors');
/** Which of the first three numbers is the largest. */
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => {
  const row = [...x.data.subarray(6 * at, 6 * at + 3)];
  return row.indexOf(Math.max(...row));
});
const data = () => storedDataset(x, classes, { selection: SELECTION, test: 100 });
const network = () =>
  documentOf(
    sequential([6], [dense('a', 24, { activation: 'relu' }), dense('b', 16, { activation: 'relu' }), dense('out', 3)]),
    randomFill(1),
  );
const training = { batch_size: 50, step: 'eager', optimizer: { type: 'adam', learning_rate: 0.01 } };

let known: ModelDocument | null = null;
async function trained(): Promise<ModelDocument> {
  known ??= (await runPosted({ type: 'train', training: { ...training, epochs: 20 } }, { document: network(), ...data() })).document!;
  return known;
}

type Found = ReturnType<typeof accuracyReport> & {
  sensitivity: { known: boolean; groups: { layers: string[]; levels: { removed: number; rise: number }[] }[] } | null;
  layers: { name: string }[];
};

const run = async (
  target: Record<string, unknown>,
  more: Record<string, unknown> = {},
  input: Partial<JobInput> = {},
): Promise<JobOutcome> => {
  const { fine_tuning = { ...training, epochs: 2 }, ...pruning } = more;
  return runPosted(
    { type: 'prune', pruning: { criterion: { type: 'magnitude' }, target, ...pruning }, fine_tuning },
    { document: await trained(), ...data(), ...input },
  );
};
const channels = { structure: { type: 'channels' } };
const foundBy = ({ result }: JobOutcome) => result!.target as Found;

describe.each([
  ['channels', channels],
  ['unstructured', { structure: { type: 'unstructured' } }],
])('%s', (structure, pruning) => {
  it('are cut as far as the bound allows, and every trial that none beats is left as a model', async () => {
    const outcome = await run({ max_accuracy_drop: 0.2, trials: 4 }, pruning);
    const found = foundBy(outcome);
    expect(found.met).toBe(true);
    expect(found.selection.samples).toBe(SELECTION);
    expect(found.selection.accuracy).toBeGreaterThan(0.9);
    // Four short trials, and the best once more with both epochs.
    expect(found.points.map(({ epochs }) => epochs)).toEqual([1, 1, 1, 1, 2]);
    for (const { drop, bound, holds, accuracy } of found.points) {
      expect(drop).toBeCloseTo(found.selection.accuracy - accuracy, 12);
      expect(bound).toBeGreaterThanOrEqual(
        dropBound(Math.max(0, Math.round(drop * SELECTION)), Math.max(0, Math.round(-drop * SELECTION)), SELECTION) - 1e-12,
      );
      expect(holds).toBe(bound <= 0.2);
    }
    const chosen = found.points.find((point) => point.chosen)!;
    expect(chosen.kept).toBe(Math.min(...found.points.filter(({ holds }) => holds).map(({ kept }) => kept)));
    expect(chosen.kept).toBeLessThan(0.8);
    expect(found.achieved).toEqual({ accuracy_drop: chosen.drop, bound: chosen.bound, kept: chosen.kept });
    expect(chosen.model_label).toBe('result');
    const outputs = outcome.frames.find(({ kind }) => kind === 'finished') as { outputs: { role: string; label?: string; path: string }[] };
    const models = outputs.outputs.filter(({ role }) => role === 'model');
    const kept = found.points.flatMap(({ model_label }) => (model_label === null || model_label === 'result' ? [] : [model_label]));
    expect(models.map(({ label }) => label)).toEqual([undefined, ...kept]);
    expect(kept.length).toBeGreaterThan(0);
    for (const { path } of models) await readModel(path);
    const sensitive = found.sensitivity!;
    expect(sensitive.groups.map(({ layers }) => layers)).toEqual(structure === 'channels' ? [['a'], ['b']] : [['a'], ['b'], ['out']]);
    for (const { levels } of sensitive.groups) expect(levels.length).toBe(3);
  });
});

it('is not met where every cut loses too much, and says how near the nearest came', async () => {
  const found = foundBy(await run({ max_accuracy_drop: 0, trials: 2 }, { ...channels, fine_tuning: { ...training, epochs: 0 } }));
  expect(found).toMatchObject({ met: false, requested: { max_accuracy_drop: 0, measure: 'macs', trials: 2, trial_epochs: 0 } });
  expect(found.points.map(({ holds }) => holds)).toEqual([false, false]);
  expect(found.achieved.bound).toBe(Math.min(...found.points.map(({ bound }) => bound)));
  expect(found.achieved.bound).toBeGreaterThan(0);
});

it('is not met, and says why, where the uploaded model is never right', async () => {
  const document = documentOf(sequential([6], [dense('a', 24, { activation: 'relu' }), dense('out', 3)]), (key, index) =>
    key === 'out/bias' && index === 2 ? 1000 : 0.01,
  );
  const labels = Int32Array.from({ length: SAMPLES }, (_, at) => at % 2);
  const still = { fine_tuning: { ...training, loss: 'sparse_categorical_crossentropy', epochs: 0 } };
  const outcome = await run(
    { max_accuracy_drop: 0.5, trials: 2 },
    { ...channels, ...still },
    { document, ...storedDataset(x, labels, { selection: SELECTION, test: 100 }) },
  );
  const found = foundBy(outcome);
  expect(found).toMatchObject({ met: false, achieved: { accuracy_drop: -0, bound: 1 }, selection: { accuracy: 0 } });
  const warnings = outcome.frames.filter((frame) => frame.kind === 'warning').map(({ warning }) => warning);
  expect(warnings.map(({ code }) => code)).toContain('ORIGINAL_NEVER_RIGHT');
  expect(outcome.result!.receipt).toMatchObject({ claims: { as_accurate: { verdict: 'not_proven', reason: 'ORIGINAL_NEVER_RIGHT' } } });
});

it('counts positions where a sample has several decisions', async () => {
  const [samples, positions] = [120, 4];
  const rows = { shape: [samples, positions, 6], data: x.data.slice(0, samples * positions * 6) };
  const oneHot = Float32Array.from({ length: samples * positions * 3 }, (_, at) => (classes[Math.floor(at / 3)] === at % 3 ? 1 : 0));
  const y = { shape: [samples, positions, 3], data: oneHot };
  const tagged = () => storedDataset(rows, y, { selection: 40, test: 20 });
  const tagger = documentOf(sequential([positions, 6], [dense('a', 24, { activation: 'relu' }), dense('out', 3)]), randomFill(1));
  const loss = 'categorical_crossentropy';
  const learned = await runPosted(
    { type: 'train', training: { ...training, batch_size: 10, loss, epochs: 20 } },
    { document: tagger, ...tagged() },
  );
  const outcome = await run(
    { max_accuracy_drop: 0.3, trials: 3 },
    { ...channels, fine_tuning: { ...training, batch_size: 10, loss, epochs: 1 } },
    { document: learned.document!, ...tagged() },
  );
  const found = foundBy(outcome);
  // Whole samples would be right in less than 0.95⁴ of cases.
  expect(found.selection).toMatchObject({ samples: 40 });
  expect(found.selection.accuracy).toBeGreaterThan(0.85);
  for (const { drop, bound, holds, accuracy } of found.points) {
    expect(accuracy * 40 * positions).toBeCloseTo(Math.round(accuracy * 40 * positions), 9);
    expect(drop).toBeCloseTo(found.selection.accuracy - accuracy, 12);
    expect(bound).toBeGreaterThanOrEqual(drop + smallestBound(40) - 1e-12);
    expect(holds).toBe(bound <= 0.3);
  }
  expect(found.met).toBe(true);
  const { receipt } = outcome.result as unknown as { receipt: Receipt };
  expect(receipt.original.test!.accuracy!.value).toBeGreaterThan(0.85);
  expect(receipt.comparison).toMatchObject({ measure: 'accuracy', only_original_right: null, mcnemar_p: null });
});

it('takes what was measured before, to the same end', async () => {
  const target = { max_accuracy_drop: 0.05, trials: 2 };
  const first = await run(target, channels);
  const measured = first.frames.find((frame) => frame.kind === 'sensitivity')!;
  const again = await run(target, channels, { sensitivities: { channels: measured.measured } });
  expect(again.frames.some(({ kind }) => kind === 'sensitivity')).toBe(false);
  expect(foundBy(again)).toEqual({ ...foundBy(first), sensitivity: { ...foundBy(first).sensitivity, known: true } });
});

it('goes on after interruptions, between trials and within them, to the same models', async () => {
  const target = { max_accuracy_drop: 0.05, trials: 2 };
  const undisturbed = await run(target, channels, { until: Number.POSITIVE_INFINITY });
  // A trial has 5 steps and takes a place of its own behind them: 0 is what was measured, trials begin at 1 and 7, the training of the best at 13.
  const steps = [...undisturbed.checkpoints.keys()];
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  const rows: unknown[] = [];
  let resume: string | null = null;
  for (const until of [0, 3, 6, 15]) {
    const broken: JobOutcome = await run(target, channels, { until, resume });
    rows.push(...broken.rows);
    resume = broken.checkpoints.get(until)!;
  }
  const last = await run(target, channels, { resume });
  expect([...rows, ...last.rows]).toEqual(undisturbed.rows);
  expect(last.result!.target).toEqual(undisturbed.result!.target);
  for (const [key, { data: expected }] of undisturbed.document!.weights)
    expectSameBits(last.document!.weights.get(key)!.data, expected, key);
});

it('is refused where it cannot work, with what would be accepted', async () => {
  const refused = (target: Record<string, unknown>, more: Record<string, unknown>, detail: RegExp) =>
    expectProblem(() => run(target, more), 'INCOMPATIBLE_OPTIONS', detail);
  const drop = { max_accuracy_drop: 0.01 };
  await refused({ ...drop, macs: 0.5 }, channels, /one measure.*received: macs and max_accuracy_drop/);
  await refused({}, channels, /received: no measure/);
  await refused({ macs: 0.5, trials: 3 }, channels, /goes with max_accuracy_drop/);
  await refused(drop, { structure: { type: 'block' } }, /structures channels and unstructured/);
  await refused({ ...drop, measure: 'sparsity' }, channels, /macs or parameters/);
  await refused(drop, { ...channels, schedule: { type: 'iterative', rounds: 2 } }, /one_shot/);
  await refused(drop, { ...channels, plan_only: true }, /a target that counts/);
  await refused({ ...drop, trial_epochs: 3 }, channels, /which has 2 epochs/);
  await refused(drop, { ...channels, fine_tuning: { epochs: 1, optimizer_state: 'export' } }, /auto or drop/);
  const regression = storedDataset(x, drawn([SAMPLES, 3], 'numbers'), { selection: SELECTION, test: 100 });
  await expectProblem(
    () => run(drop, { ...channels, fine_tuning: { epochs: 1, loss: 'mean_squared_error' } }, regression),
    'INCOMPATIBLE_OPTIONS',
    /Accepted: a classification loss/,
  );
  await expectProblem(
    () => run(drop, channels, storedDataset(x, classes, { test: 100 })),
    'INCOMPATIBLE_OPTIONS',
    /with a selection split/,
  );
});
