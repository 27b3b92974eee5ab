/**
 * Training jobs are paused in the middle and resumed, also with a worker killed meanwhile: on a CPU they end with the very weights of a run that was left
 * alone. And cancelled in the middle: they leave a model of what they had.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PruneSpec, TrainSpec } from '../../src/jobs/spec/index.ts';
import type { JobRow } from '../../src/ledger/ledger.ts';
import { readKeras } from '../../src/model/formats/keras.ts';
import { pruneSpec } from '../ledger/samples.ts';
import { storeMnist } from './mnist.ts';
import { startService, type TestService, type WorkerProcess } from './service.ts';

let service: TestService;
let worker: WorkerProcess;
let train: TrainSpec;
let whole: string;

beforeAll(async () => {
  service = await startService('real', {
    ESPALIER_CHECKPOINT_INTERVAL_S: '0.5',
    ESPALIER_THREADS: '2',
    ESPALIER_HEARTBEAT_TIMEOUT_S: '600',
  });
  worker = service.startWorker();
  const spec = await storeMnist(service);
  // Long enough for a pause to be heard of, which takes a second.
  train = { ...spec, training: { ...spec.training, epochs: 24 } };
  whole = await weightsOf(await service.post(train));
});
afterAll(() => service.close());

/** The hash of the model a job made: the same where its weights are. */
async function weightsOf(jobId: string): Promise<string> {
  const job = await service.reached(jobId, 'succeeded', 'failed', 'paused');
  expect(job).toMatchObject({ status: 'succeeded', error: null });
  const models = (await service.ledger.listArtifacts(jobId)).filter(({ role }) => role === 'model');
  expect(models).toHaveLength(1);
  return models[0]!.sha256;
}

/** Pauses a job in its n-th attempt, once that has stored a checkpoint. */
async function pause(jobId: string, attempt: number): Promise<JobRow> {
  await worker.line('Checkpoint stored', { job_id: jobId, attempt });
  await service.ledger.requestPause('alice', jobId);
  const paused = await service.reached(jobId, 'paused', 'succeeded', 'failed');
  expect(paused).toMatchObject({ status: 'paused', attempt, error: null });
  return paused;
}

const steps = async (jobId: string) => (await service.series(jobId)).filter(({ series }) => series === 'step').map(({ step }) => step);

describe('a job that is paused', () => {
  it('lets another run, goes on from the step it stopped at, twice, and has the weights and the series of an undisturbed run', async () => {
    const job_id = await service.post(train);
    for (const attempt of [1, 2]) {
      await pause(job_id, attempt);
      const [newest] = await service.ledger.listCheckpoints(job_id);
      expect((await steps(job_id)).at(-1)).toBe(newest?.step);
      const spent = await service.ledger.engineTime(job_id);
      await weightsOf(await service.post({ ...train, training: { ...train.training, epochs: 1 } }));
      expect(await service.ledger.engineTime(job_id)).toBe(spent);
      await service.ledger.requestResume('alice', job_id);
    }
    expect(await weightsOf(job_id)).toBe(whole);
    expect((await service.ledger.loadJob(job_id))?.warnings).toEqual([]);
    const attempts = await service.ledger.listAttempts(job_id);
    expect(attempts).toMatchObject([{ end: 'paused', from_step: null }, { end: 'paused' }, { end: 'finished' }]);
    const all = await steps(job_id);
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => all[0]! + index));
  });

  it('is paused though its worker is killed before it heard of it, and ends with the weights of an undisturbed run', async () => {
    const job_id = await service.post(train);
    await worker.line('Checkpoint stored', { job_id, attempt: 1 });
    worker.child.kill('SIGSTOP');
    await service.ledger.requestPause('alice', job_id);
    worker.child.kill('SIGKILL');
    await worker.exited;
    worker = service.startWorker();
    expect(await service.reached(job_id, 'paused', 'succeeded', 'failed')).toMatchObject({ status: 'paused', attempt: 1 });
    await service.ledger.requestResume('alice', job_id);
    expect(await weightsOf(job_id)).toBe(whole);
  });

  it('has the weights of an undisturbed run where the sparsity grew meanwhile', async () => {
    const prune: PruneSpec = {
      ...pruneSpec(train.model_id, train.dataset_id),
      fine_tuning: train.training,
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
    const undisturbed = await weightsOf(await service.post(prune));
    const job_id = await service.post(prune);
    await pause(job_id, 1);
    await service.ledger.requestResume('alice', job_id);
    expect(await weightsOf(job_id)).toBe(undisturbed);
  });
});

describe('a job that is cancelled in the middle', () => {
  it('leaves a model of what it had, which another job can start from', async () => {
    const job_id = await service.post(train);
    await worker.line('Checkpoint stored', { job_id });
    await service.ledger.requestCancel('alice', job_id);
    const job = await service.reached(job_id, 'cancelled', 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'cancelled', attempt: 1, warnings: [] });
    expect(job.result).toMatchObject({ partial: true, step: expect.any(Number), verification: [{ format: 'keras', identical: true }] });
    const model = await service.ledger.findModel('alice', job.result?.model_id as string);
    expect(model).toMatchObject({ parent_model_id: train.model_id, job_id });
    const [original, kept] = await Promise.all(
      [(await service.ledger.findModel('alice', train.model_id))!, model!].map(async ({ blob_key }) =>
        readKeras(await service.blobs.localPath(blob_key)),
      ),
    );
    expect(kept!.config).toEqual(original!.config);
    expect([...kept!.weights.keys()]).toEqual([...original!.weights.keys()]);
    for (const [key, { data }] of kept!.weights) expect(data).not.toEqual(original!.weights.get(key)!.data);
    await weightsOf(await service.post({ ...train, model_id: model!.id, training: { ...train.training, epochs: 1 } }));
  });

  it('leaves it as well when it is cancelled while it is being paused', async () => {
    const job_id = await service.post(train);
    await worker.line('Checkpoint stored', { job_id });
    await service.ledger.requestPause('alice', job_id);
    await service.ledger.requestCancel('alice', job_id);
    const job = await service.reached(job_id, 'cancelled', 'paused', 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'cancelled', result: { partial: true } });
  });
});
