/** The seed's example: a 20-10-10-1 network, mean squared error, Adam, global norm 1, then half of the weights by loss-gradient importance. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PRUNE, TRAIN } from '../../examples/seed/recipes.ts';
import { epochOrder, openDataset } from '../../src/dataset/batches.ts';
import type { DatasetFacts, DatasetFiles } from '../../src/dataset/facts.ts';
import { runJob } from '../../src/engine/job.ts';
import { checkJob } from '../../src/jobs/check.ts';
import { JobSpec } from '../../src/jobs/spec/index.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { fillDefaults } from '../../src/schema.ts';
import { buildDataset } from '../../src/upload/inspect.ts';
import type { EngineFrame } from '../../src/worker/frames.ts';
import { checkedModel } from '../helpers/checked-model.ts';
import { rowsOf } from '../helpers/series.ts';

const SEED_MODEL = 'examples/seed/seed.keras';
let folder: string;
let facts: DatasetFacts;
let files: DatasetFiles;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-seed-'));
  ({ facts, files } = await buildDataset(
    [{ name: 'file', path: 'examples/seed/data.npz', filename: null }],
    { split: { selection: 0.1, test: 0.1 } },
    folder,
  ));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Receipt {
  original: { sparsity: number; test: { loss: { value: number } } };
  result: { sparsity: number; zeros: number; test: { loss: { value: number } } };
}

async function run(model: string, posted: Record<string, unknown>) {
  const scratch = await mkdtemp(join(folder, 'job-'));
  const asked = fillDefaults(JobSpec, { ...posted, model_id: 'mdl_0', dataset_id: 'dst_0' });
  const { spec } = await checkJob(asked, checkedModel(await readModel(model)), facts);
  const frames: EngineFrame[] = [];
  await runJob(
    {
      kind: 'run',
      job_id: 'job',
      attempt: 1,
      spec,
      model_path: model,
      further_models: {},
      dataset: { facts, files },
      resume_path: null,
      scratch,
      checkpoint_interval_s: 600,
    },
    { emit: (frame) => frames.push(frame), cancelled: () => false, pauseRequested: () => false },
  );
  const finished = frames.find((frame) => frame.kind === 'finished')!;
  const rows = rowsOf(frames);
  const path = finished.outputs.find(({ role }) => role === 'model')!.path;
  return { path, document: await readModel(path), receipt: finished.result.receipt as Receipt, result: finished.result, rows };
}

it('trains with clipped gradients, prunes exactly half of the weights, and fine-tunes with the zeros kept', {
  timeout: 60_000,
}, async () => {
  const trained = await run(SEED_MODEL, TRAIN);
  expect(trained.receipt.result.test.loss.value).toBeLessThan(0.5 * trained.receipt.original.test.loss.value);
  const steps = trained.rows.filter(({ series }) => series === 'step');
  expect(steps).toHaveLength(25 * 20);
  for (const { values } of steps) {
    expect(values.clipped_norm).toBeLessThanOrEqual(1 + 1e-6);
    expect(values.clipped).toBe(values.gradient_norm! > 1 ? 1 : 0);
  }
  expect(steps.some(({ values }) => values.clipped === 1)).toBe(true);

  const pruned = await run(trained.path, PRUNE);
  expect(pruned.receipt.result).toMatchObject({ sparsity: 0.5, zeros: 155 });
  expect(pruned.result.target).toMatchObject({ requested: { sparsity: 0.5 }, achieved: { sparsity: 0.5 }, met: true });
  for (const { data } of pruned.document.weights.values()) expect(data.some((value) => Object.is(value, -0))).toBe(false);
  expect(pruned.receipt.result.test.loss.value).toBeLessThan(trained.receipt.original.test.loss.value);
});

it('prunes the weights whose mean absolute loss gradient, computed here by hand, is lowest', { timeout: 60_000 }, async () => {
  const { path, document: dense } = await run(SEED_MODEL, TRAIN);
  const { document: sparse } = await run(path, { ...PRUNE, fine_tuning: null });
  const importance = meanAbsoluteGradients(dense);
  const kernels = ['hidden_1/kernel', 'hidden_2/kernel', 'target/kernel'];
  const all = kernels.flatMap((key) => {
    const { data, shape } = sparse.weights.get(key)!;
    const units = shape[1]!;
    return [...data].map((value, index) => ({ key, unit: index % units, kept: value !== 0, score: importance.get(key)![index]! }));
  });
  // A unit's best weight stays whatever it is worth; all others stand in one row.
  const isBest = (entry: (typeof all)[number]): boolean =>
    all.every((other) => other.key !== entry.key || other.unit !== entry.unit || other.score <= entry.score);
  const ranked = all.filter((entry) => !isBest(entry));
  const best = Math.max(...ranked.filter(({ kept }) => !kept).map(({ score }) => score));
  const worst = Math.min(...ranked.filter(({ kept }) => kept).map(({ score }) => score));
  expect(all.filter(({ kept }) => !kept)).toHaveLength(155);
  // float32 in the engine, float64 here: neighbours in rank may differ by rounding.
  expect(best).toBeLessThanOrEqual(worst * (1 + 1e-5));
});

/** mean over calibration batches of |∂L/∂w| for the kernels of a relu-relu-linear network, in float64. */
function meanAbsoluteGradients({ weights }: ModelDocument): Map<string, Float64Array> {
  const data = openDataset(files, facts);
  const layers = ['hidden_1', 'hidden_2', 'target'].map((name) => {
    const kernel = weights.get(`${name}/kernel`)!;
    return { name, inputs: kernel.shape[0]!, units: kernel.shape[1]!, kernel: kernel.data, bias: weights.get(`${name}/bias`)!.data };
  });
  const sums = new Map(layers.map(({ name, kernel }) => [`${name}/kernel`, new Float64Array(kernel.length)]));
  const order = epochOrder(0, -1, facts.splits.train);
  const batches = Math.min(16, Math.ceil(order.length / 64));
  for (let batch = 0; batch < batches; batch++) {
    const positions = order.subarray(batch * 64, (batch + 1) * 64);
    const { x, y } = data.gather('train', positions);
    const gradients = layers.map(({ kernel }) => new Float64Array(kernel.length));
    for (let sample = 0; sample < positions.length; sample++) {
      const activations: number[][] = [[...x.subarray(sample * 20, (sample + 1) * 20)]];
      for (const [depth, { units, kernel, bias }] of layers.entries()) {
        const input = activations[depth]!;
        const sum = Array.from({ length: units }, (_, unit) =>
          input.reduce((total, value, at) => total + value * kernel[at * units + unit]!, bias[unit]!),
        );
        activations.push(depth < 2 ? sum.map((value) => Math.max(0, value)) : sum);
      }
      let delta = [(2 * (activations[3]![0]! - y![sample]!)) / positions.length];
      for (let depth = 2; depth >= 0; depth--) {
        const { inputs, units, kernel } = layers[depth]!;
        const input = activations[depth]!;
        for (let at = 0; at < inputs; at++)
          for (let unit = 0; unit < units; unit++) gradients[depth]![at * units + unit]! += input[at]! * delta[unit]!;
        delta = input.map((value, at) =>
          value > 0 ? delta.reduce((total, back, unit) => total + back * kernel[at * units + unit]!, 0) : 0,
        );
      }
    }
    for (const [depth, { name }] of layers.entries()) {
      const sum = sums.get(`${name}/kernel`)!;
      gradients[depth]!.forEach((gradient, index) => {
        sum[index]! += Math.abs(gradient) / batches;
      });
    }
  }
  data.close();
  return sums;
}
