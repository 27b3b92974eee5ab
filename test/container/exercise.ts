/**
 * What scripts/rehearse-dockerfile.sh has a running container do: `exercise.ts <address> <key>`. Uploads a model and gets it back, lets a job prune it,
 * and gets that result too. Ends with 1 and a sentence when anything is not as it should be.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../../examples/client.ts';

const [address = '', key = ''] = process.argv.slice(2);
const examples = join(import.meta.dirname, '../../examples');

function expect(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence);
  console.log(`  ${sentence}`);
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

try {
  const stranger = await fetch(`${address}/v1/models`);
  expect(stranger.status === 401, 'a request without the key is refused (401)');

  const client = new Client(address, key);
  const folder = await mkdtemp(join(tmpdir(), 'exercise-'));
  const original = join(examples, 'mnist/lenet_300_100.keras');
  const uploaded = await client.upload('/v1/models', { file: original });
  await client.download(`/v1/models/${uploaded.id}/content`, join(folder, 'same.keras'));
  expect(hashOf(original) === hashOf(join(folder, 'same.keras')), 'LeNet-300-100 comes back byte for byte');

  const dataset = await client.upload(
    '/v1/datasets',
    { file: join(examples, 'seed/data.npz') },
    { split: JSON.stringify({ selection: 0.1, test: 0.1 }) },
  );
  const model = await client.upload('/v1/models', { file: join(examples, 'seed/seed.keras') });
  const job = await client.run({
    type: 'prune',
    model_id: model.id,
    dataset_id: dataset.id,
    pruning: { criterion: { type: 'gradient' }, target: { sparsity: 0.5 } },
    fine_tuning: {
      epochs: 2,
      batch_size: 32,
      optimizer: { type: 'adam', learning_rate: 0.01 },
      clipping: { type: 'global_norm', max_norm: 1 },
    },
  });
  expect(job.status === 'succeeded', 'a job prunes the seed model on the worker');
  await client.download(`/v1/models/${job.result?.model_id}/content`, join(folder, 'pruned.keras'));
  expect(readFileSync(join(folder, 'pruned.keras')).subarray(0, 2).toString() === 'PK', 'and its result can be fetched');
} catch (error) {
  console.error(`exercise: ${(error as Error).message}`);
  process.exitCode = 1;
}
