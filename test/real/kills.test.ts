/**
 * Parts of the service are killed in the middle of a training job; each time it ends with one result, and on a CPU with the very weights of a run that was
 * left alone.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PruneSpec, TrainSpec } from '../../src/jobs/spec/index.ts';
import type { ArtifactRow } from '../../src/ledger/ledger.ts';
import { pruneSpec } from '../ledger/samples.ts';
import { storeMnist } from './mnist.ts';
import { processGone, startService, type TestService, type WorkerProcess } from './service.ts';

let service: TestService;
let worker: WorkerProcess;
let train: TrainSpec;
let prune: PruneSpec;

beforeAll(async () => {
  // A missed heartbeat would be noticed only after the test: a worker that starts takes back what a killed one was at.
  service = await startService('real', {
    ESPALIER_CHECKPOINT_INTERVAL_S: '0.5',
    ESPALIER_THREADS: '2',
    ESPALIER_HEARTBEAT_TIMEOUT_S: '600',
  });
  worker = service.startWorker();
  train = await storeMnist(service);
  prune = {
    ...pruneSpec(train.model_id, train.dataset_id),
    fine_tuning: { ...train.training, epochs: 9 },
    pruning: {
      criterion: { type: 'magnitude', p: 2 },
      structure: { type: 'unstructured' },
      scope: 'global',
      min_layer_density: null,
      target: { sparsity: 0.8 },
      schedule: { type: 'polynomial', begin: 0, end: 0.75, every_steps: 50 },
      regularization: null,
      after_cut: { learning_rate_warmup_steps: 0, threshold_warmup: false },
      layers: { exclude: [], overrides: {} },
      compensation: 'none',
      reestimate_batch_norm: false,
      plan: null,
      plan_only: false,
    },
  };
});
afterAll(() => service.close());

/** The model file a job made: its bytes are the same where its weights are. */
async function model(jobId: string): Promise<ArtifactRow> {
  const job = await service.reached(jobId, 'succeeded', 'failed');
  expect(job).toMatchObject({ status: 'succeeded', error: null });
  const models = (await service.ledger.listArtifacts(jobId)).filter(({ role }) => role === 'model');
  expect(models).toHaveLength(1);
  expect(job.result?.verification).toMatchObject([{ format: 'keras', runtime: 'espalier' }, { runtime: 'keras' }]);
  return models[0]!;
}

async function steps(jobId: string): Promise<number[]> {
  return (await service.series(jobId)).filter(({ series }) => series === 'step').map(({ step }) => step);
}

/** What a job of this specification makes when nothing disturbs it. */
async function undisturbed(spec: TrainSpec | PruneSpec): Promise<{ sha256: string; steps: number[] }> {
  const id = await service.post(spec);
  const { sha256 } = await model(id);
  console.info(`An undisturbed ${spec.type} job makes ${sha256}`);
  return { sha256, steps: await steps(id) };
}

/** Posts a job, kills its engine after the first checkpoint, and expects what the undisturbed run made. */
async function killEngine(spec: TrainSpec | PruneSpec, expected: { sha256: string; steps: number[] }): Promise<void> {
  const job_id = await service.post(spec);
  const { engine } = await worker.line('Job claimed', { job_id });
  await worker.line('Checkpoint stored', { job_id, attempt: 1 });
  process.kill(engine as number, 'SIGKILL');
  const { sha256 } = await model(job_id);
  console.info(`A ${spec.type} job whose engine was killed makes ${sha256}`);
  expect(sha256).toBe(expected.sha256);
  expect(await service.ledger.listAttempts(job_id)).toMatchObject([
    { end: 'engine_lost', from_step: null },
    { end: 'finished', from_step: expect.any(Number) },
  ]);
  expect(await steps(job_id)).toEqual(expected.steps);
}

describe('a train job', () => {
  let whole: Awaited<ReturnType<typeof undisturbed>>;
  beforeAll(async () => {
    whole = await undisturbed(train);
  });

  it('has the same weights when it is run again', async () => {
    expect(await undisturbed(train)).toEqual(whole);
  });

  it('has the same weights when its engine is killed', () => killEngine(train, whole));

  it('has the same weights when its worker is killed, and no engine outlives it', async () => {
    const job_id = await service.post(train);
    const { engine } = await worker.line('Job claimed', { job_id });
    await worker.line('Checkpoint stored', { job_id, attempt: 1 });
    worker.child.kill('SIGKILL');
    await processGone(engine as number);
    worker = service.startWorker();
    await worker.line('Job taken back from a worker that is gone', { job_id, attempt: 1 });
    expect((await model(job_id)).sha256).toBe(whole.sha256);
    expect(await service.ledger.listAttempts(job_id)).toMatchObject([
      { end: 'worker_lost', from_step: null },
      { end: 'finished', from_step: expect.any(Number) },
    ]);
    expect(await steps(job_id)).toEqual(whole.steps);
  });

  it('has the same weights, in one attempt, when Redis is killed with all it held', async () => {
    const job_id = await service.post(train);
    await worker.line('Checkpoint stored', { job_id, attempt: 1 });
    process.kill(await service.redisPid(), 'SIGKILL');
    expect((await model(job_id)).sha256).toBe(whole.sha256);
    expect(await service.ledger.listAttempts(job_id)).toMatchObject([{ end: 'finished' }]);
  });
});

describe('a prune job', () => {
  it('has the same weights when its engine is killed while the sparsity grows', async () => {
    await killEngine(prune, await undisturbed(prune));
  });
});
