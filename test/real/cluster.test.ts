/** A whole service whose Redis is a Cluster that speaks TLS. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../../examples/client.ts';
import { QUEUE_PREFIX } from '../../src/jobs/queue.ts';
import { makeAuthority } from '../jobs/certificates.ts';
import { startRedisCluster, type TestCluster } from '../jobs/redis-cluster-servers.ts';
import { endAll, runEspalier } from './espalier.ts';

const SEED = join(import.meta.dirname, '../../examples/seed');

let folder: string;
let cluster: TestCluster;
let client: Client;
let inputs: Record<'model_id' | 'dataset_id', string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-cluster-'));
  const authority = await makeAuthority(folder);
  const [node, own] = [await authority.certify('node'), await authority.certify('espalier')];
  cluster = await startRedisCluster({ authority: authority.certificate, node });
  const service = runEspalier('up', {
    ESPALIER_DATA: join(folder, 'data'),
    ESPALIER_DEVICE: 'cpu',
    REDIS_URL: cluster.url,
    ESPALIER_REDIS_CA: authority.certificate,
    ESPALIER_REDIS_CERT: own.certificate,
    ESPALIER_REDIS_KEY: own.key,
  });
  client = new Client(await service.address());
  const model = await client.upload('/v1/models', { file: join(SEED, 'seed.keras') });
  const dataset = await client.upload('/v1/datasets', { file: join(SEED, 'data.npz') });
  inputs = { model_id: model.id, dataset_id: dataset.id };
});
afterAll(async () => {
  await endAll();
  await cluster.destroy();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const train = () => ({ type: 'train', ...inputs, training: { epochs: 2, batch_size: 32 } });

it('does jobs, follows them and predicts', async () => {
  const { id, result } = await client.run(train());
  expect((await client.get<{ status: string }>(`/v1/jobs/${id}`)).status).toBe('succeeded');
  const { model_id: made } = result as { model_id: string };
  const { outputs } = await client.post(`/v1/models/${made}/predict`, { inputs: [Array.from({ length: 20 }, (_, at) => at / 20)] });
  expect(outputs).toEqual([expect.arrayContaining([expect.any(Number)])]);
});

it('takes jobs while the node of the queues is gone, and does them once an empty one is there', async () => {
  const node = await cluster.nodeOf(`${QUEUE_PREFIX}:cpu:wait`);
  await node.kill();
  const { id } = await client.post('/v1/jobs', train());
  expect((await client.get<{ status: string }>(`/v1/jobs/${id}`)).status).toBe('queued');
  await node.start();
  await expect.poll(async () => (await client.get<{ status: string }>(`/v1/jobs/${id}`)).status, { timeout: 90_000 }).toBe('succeeded');
});
