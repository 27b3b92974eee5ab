/** Whole jobs of the recipe `smallest`, on networks of a few units. */
import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import { fileBytes, readModel } from '../../src/model/formats/index.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { type JobInput, type JobOutcome, runPosted } from '../helpers/jobs.ts';
import { expectSameBits } from '../helpers/numbers.ts';

const SAMPLES = 500;
const x = drawn([SAMPLES, 6], 'vectors');
/** Which of the first three numbers is the largest. */
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => {
  const row = [...x.data.subarray(6 * at, 6 * at + 3)];
  return row.indexOf(Math.max(...row));
});
const data = () => storedDataset(x, classes, { selection: 150, test: 100 });
const training = { batch_size: 125, step: 'eager', optimizer: { type: 'adam', learning_rate: 0.02 } };

let known: ModelDocument | null = null;
async function trained(): Promise<ModelDocument> {
  const untrained = documentOf(
    sequential(
      [6],
      [dense('a', 24, { activation: 'relu' }), dense('b', 16, { activation: 'relu' }), dense('out', 3, { activation: 'softmax' })],
    ),
    randomFill(1),
  );
  known ??= (await runPosted({ type: 'train', training: { ...training, epochs: 20 } }, { document: untrained, ...data() })).document!;
  return known;
}

const run = async (more: Record<string, unknown>, input: Partial<JobInput> = {}): Promise<JobOutcome> =>
  runPosted(
    {
      type: 'prune',
      recipe: 'smallest',
      ...more,
      fine_tuning: { ...training, epochs: 4, ...(more.fine_tuning as object) },
      packing: { rate: { weight: 2e-3, every_steps: 10 }, tuning: { epochs: 8 } },
    },
    { document: await trained(), ...data(), ...input },
  );

interface Stage {
  name: string;
  seconds: number;
  esp_bytes: number;
  keras_bytes: number;
  parameters: number;
  weights_kept: number;
  selection: { loss: { value: number }; error: number };
}
interface Result {
  recipe: { name: string; stages: Stage[] };
  target: {
    met: boolean;
    requested: Record<string, number>;
    achieved: { bytes: number; accuracy_drop: number };
    points: {
      weight: number;
      from: number | null;
      epochs: number;
      bytes: number;
      error: number;
      holds: boolean;
      chosen: boolean;
      seconds: number;
      model_label: string | null;
    }[];
  };
  packing: { rate: { weight: number; esp_bytes: number }; result: { selection: { error: number } } };
}
/** The same without times. */
const untimed = (result: Record<string, unknown>): unknown =>
  JSON.parse(JSON.stringify([result.recipe, result.target, result.packing, result.cuts], (key, value) => (key === 'seconds' ? 0 : value)));

it('makes the most accurate file of so many bytes, and says what each stage came to', async () => {
  const outcome = await run({ target: { max_bytes: 320, trials: 4, trial_epochs: 4 } });
  const { recipe, target, packing } = outcome.result as unknown as Result;
  const [original, removal, fineTuning, rate] = recipe.stages as [Stage, Stage, Stage, Stage];
  expect(recipe.stages.map(({ name }) => name)).toEqual(['original', 'removal', 'fine_tuning', 'rate']);
  expect(original.esp_bytes).toBe(await fileBytes(await trained(), 'esp'));
  expect(removal.parameters).toBeLessThanOrEqual(original.parameters);
  expect(fineTuning.selection.loss.value).not.toBe(removal.selection.loss.value);
  expect(rate.weights_kept).toBeLessThan(fineTuning.weights_kept);
  expect(target).toMatchObject({ met: true, requested: { max_bytes: 320, trials: 4, trial_epochs: 4 } });

  const chosen = target.points.find((point) => point.chosen)!;
  const holding = target.points.filter(({ holds }) => holds);
  expect(chosen.error).toBe(Math.min(...holding.map(({ error }) => error)));
  expect(chosen.error).toBeLessThan(0.3);
  expect([target.achieved.bytes, rate.esp_bytes]).toEqual([chosen.bytes, chosen.bytes]);
  // Without units that nothing reads.
  expect(packing.rate.esp_bytes).toBeGreaterThanOrEqual(chosen.bytes);
  expect(packing.rate.weight).toBe(chosen.weight);
  expect([rate.selection.error, packing.result.selection.error]).toEqual([chosen.error, chosen.error]);
  for (const { weight, from } of target.points) {
    if (from !== null) expect(target.points[from]!.weight).toBeLessThanOrEqual(weight);
  }
  // Behind the trials one training with all epochs, at the λ of the best.
  expect(target.points.map(({ epochs }) => epochs)).toEqual([...target.points.slice(1).map(() => 4), 8]);

  const finished = outcome.frames.find(({ kind }) => kind === 'finished') as {
    outputs: { role: string; format: string; label?: string; path: string }[];
  };
  const files = finished.outputs.filter(({ role, label }) => role === 'model' && label === undefined);
  expect(files.map(({ format }) => format)).toEqual(['keras', 'esp']);
  expect(statSync(files[1]!.path).size).toBe(chosen.bytes);
  const [keras, esp] = await Promise.all(files.map(({ path }) => readModel(path)));
  for (const [key, { data: values }] of keras!.weights) expectSameBits(values, esp!.weights.get(key)!.data, key);
  const kept = target.points.flatMap(({ model_label }) => (model_label === null || model_label === 'result' ? [] : [model_label]));
  expect(finished.outputs.filter(({ role, label }) => role === 'model' && label !== undefined).map(({ label }) => label)).toEqual(kept);
});

it('makes the smallest file within a loss of accuracy, of channels removed within half of it, to the same end wherever it is interrupted', async () => {
  const asked = {
    target: { max_accuracy_drop: 0.2, trials: 2 },
    pruning: { target: { max_accuracy_drop: 0.1, trials: 1, trial_epochs: 1 } },
  };
  const undisturbed = await run(asked, { until: Number.POSITIVE_INFINITY });
  const { target, recipe } = undisturbed.result as unknown as Result;
  expect(target.met).toBe(true);
  expect(recipe.stages[1]!.parameters).toBeLessThan(recipe.stages[0]!.parameters);
  expect(recipe.stages[3]!.weights_kept).toBeLessThan(recipe.stages[2]!.weights_kept);
  expect(recipe.stages[3]!.parameters).toBeLessThanOrEqual(recipe.stages[2]!.parameters);
  expect(target.achieved.bytes).toBe(Math.min(...target.points.filter(({ holds }) => holds).map(({ bytes }) => bytes)));
  const steps = [...undisturbed.checkpoints.keys()];
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  // An epoch has 2 steps: the removal 1 + (2 + 1), fine-tuning 8 from 5 on, trials 8 each from 14 and 23 on, the last training 16 from 32 on.
  const rows: unknown[] = [];
  let resume: string | null = null;
  for (const until of [2, 5, 9, 14, 19, 32, 40]) {
    const broken: JobOutcome = await run(asked, { until, resume });
    rows.push(...broken.rows);
    resume = broken.checkpoints.get(until)!;
  }
  const last = await run(asked, { resume });
  expect([...rows, ...last.rows]).toEqual(undisturbed.rows);
  expect(untimed(last.result!)).toEqual(untimed(undisturbed.result!));
  for (const [key, { data: expected }] of undisturbed.document!.weights)
    expectSameBits(last.document!.weights.get(key)!.data, expected, key);
});

it('comes as near as it can where the budget is out of reach, of a regression as well, taught by another model from the first rounding on', async () => {
  const numbers = storedDataset(x, drawn([SAMPLES, 3], 'numbers'), { selection: 150, test: 100 });
  const [document, teacher] = [8, 10].map((units) =>
    documentOf(sequential([6], [dense('a', units, { activation: 'tanh' }), dense('out', 3)]), randomFill(units)),
  ) as [ModelDocument, ModelDocument];
  const asked = {
    target: { max_bytes: 118, trials: 1, trial_epochs: 8 },
    fine_tuning: { epochs: 0, distillation: { teacher_model_id: 'mdl_teacher' } },
  };
  const { result, rows } = await run(asked, { document, ...numbers, further: { mdl_teacher: teacher } });
  const { target, recipe } = result as unknown as Result;
  expect(target).toMatchObject({ met: false, achieved: { bytes: target.points[0]!.bytes } });
  expect(target.points).toHaveLength(1);
  expect(recipe.stages.map(({ name }) => name)).toEqual(['original', 'removal', 'rate']);
  expect(recipe.stages.at(-1)!.selection.error).toBeNull();
  const taught = rows.filter(({ series }) => series === 'step').map(({ values }) => values.distillation_loss);
  expect(taught).toHaveLength(16);
  expect(taught.every((loss) => loss! > 0)).toBe(true);
});
