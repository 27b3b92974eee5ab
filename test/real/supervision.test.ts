import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readKeras } from '../../src/model/formats/keras.ts';
import { processGone, startService, type TestService, type WorkerProcess } from './service.ts';

const STEPS = { steps: '60', step_ms: '10', checkpoint_every: '10' };

let service: TestService;
let worker: WorkerProcess;
let undisturbed: unknown;

beforeAll(async () => {
  service = await startService('scripted');
  worker = service.startWorker();
  const job = await service.reached(await service.postScripted(STEPS), 'succeeded', 'failed');
  undisturbed = job.result?.weights;
});
afterAll(() => service.close());

const step = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

describe('a worker with one job', () => {
  it('ends it with its result, its model, its artifacts, and a whole series', async () => {
    const id = await service.postScripted({ ...STEPS, steps: '25' });
    const job = await service.reached(id, 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'succeeded', attempt: 1, error: null, warnings: [] });
    expect(job.result).toMatchObject({
      weights: expect.any(String),
      verification: [
        { format: 'keras', runtime: 'espalier', samples: 32, max_relative_difference: 0, limit: 1e-5 },
        { format: 'keras', runtime: 'keras', not_verified: { code: 'KERAS_NOT_CONFIGURED' } },
      ],
    });
    const model = await service.ledger.findModel('alice', job.result?.model_id as string);
    expect(model).toMatchObject({ name: 'tiny-trained', parent_model_id: job.model_id, job_id: id });
    expect(await service.blobs.size(model!.blob_key)).toBe(model!.size_bytes);
    const artifacts = await service.ledger.listArtifacts(id);
    expect(artifacts.map(({ role, filename }) => [role, filename]).sort()).toEqual([
      ['model', 'tiny-trained.keras'],
      ['predictions', 'predictions.npz'],
    ]);
    for (const { blob_key, size_bytes } of artifacts) expect(await service.blobs.size(blob_key)).toBe(size_bytes);
    expect((await service.series(id)).map((row) => row.step)).toEqual(step(25));
    expect((await service.ledger.listAttempts(id))[0]).toMatchObject({ end: 'finished', worker: expect.any(String), from_step: null });
  });

  it('verifies with another engine than the one that computed, and uses neither again', async () => {
    const ids = [await service.postScripted({ steps: '1' }), await service.postScripted({ steps: '1' })];
    const engines = [];
    for (const job_id of ids) {
      await service.reached(job_id, 'succeeded');
      engines.push((await worker.line('Job claimed', { job_id })).engine);
    }
    const ended = (reason: string) => worker.lines.filter((line) => line.reason === reason).map(({ engine }) => engine);
    expect(new Set([...engines, ...ended('has verified the files')]).size).toBe(engines.length + ended('has verified the files').length);
    for (const engine of engines) expect(ended('has ended its job')).toContain(engine);
  });

  it('goes on from the newest checkpoint when its engine is killed, and ends with the weights of an undisturbed run', async () => {
    const job_id = await service.postScripted(STEPS);
    const { engine } = await worker.line('Job claimed', { job_id });
    await worker.line('Checkpoint stored', { job_id, attempt: 1, step: 20 });
    process.kill(engine as number, 'SIGKILL');
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job.result?.weights).toBe(undisturbed);
    expect(job).toMatchObject({
      status: 'succeeded',
      attempt: 2,
      warnings: [{ code: 'ENGINE_LOST', detail: 'Attempt 1: The engine ended with signal SIGKILL' }],
    });
    const [first, second] = await service.ledger.listAttempts(job_id);
    expect(first).toMatchObject({ end: 'engine_lost' });
    expect(second?.from_step).toBeGreaterThanOrEqual(20);
    expect((await service.series(job_id)).map((row) => row.step)).toEqual(step(60));
  });

  it('cancels a running job, whose engine says so itself', async () => {
    const job_id = await service.postScripted({ ...STEPS, steps: '100000' });
    await worker.line('Checkpoint stored', { job_id, step: 10 });
    await service.ledger.requestCancel('alice', job_id);
    const job = await service.reached(job_id, 'cancelled', 'failed', 'succeeded');
    expect(job).toMatchObject({ status: 'cancelled', attempt: 1, warnings: [] });
    await worker.line('Engine ended', {
      job_id: undefined,
      reason: 'has ended its job',
      engine: (await worker.line('Job claimed', { job_id })).engine,
    });
  });

  it('keeps the best checkpoint of a job that is cancelled as a model, and the newest where none was the best', async () => {
    for (const [metadata, step] of [
      [{ best: '10' }, 10],
      [{}, 30],
    ] as const) {
      const job_id = await service.postScripted({ ...STEPS, wait_at: '35', ...metadata });
      await worker.line('Checkpoint stored', { job_id, step: 30 });
      await service.ledger.requestCancel('alice', job_id);
      const job = await service.reached(job_id, 'cancelled', 'failed', 'succeeded');
      expect(job.result).toMatchObject({ partial: true, step, verification: [{ format: 'keras', weights: 2, identical: true }] });
      const model = await service.ledger.findModel('alice', job.result?.model_id as string);
      expect(model).toMatchObject({ parent_model_id: job.model_id, job_id });
      const { weights } = await readKeras(await service.blobs.localPath(model!.blob_key));
      expect([...weights.values()].flatMap(({ data }) => [...data])).toEqual(Array(10).fill(step));
      expect(await service.ledger.listArtifacts(job_id)).toMatchObject([{ role: 'model', format: 'keras', sha256: model!.sha256 }]);
    }
  });

  it('leaves no model of a job that is cancelled before its first checkpoint', async () => {
    const job_id = await service.postScripted({ ...STEPS, steps: '100000', checkpoint_every: '100000' });
    await worker.line('Job claimed', { job_id });
    await service.ledger.requestCancel('alice', job_id);
    expect(await service.reached(job_id, 'cancelled', 'failed', 'succeeded')).toMatchObject({ result: null, warnings: [] });
    expect(await service.ledger.listArtifacts(job_id)).toEqual([]);
  });

  it('pauses a job between two steps, takes another meanwhile, and goes on to the weights of an undisturbed run', async () => {
    const job_id = await service.postScripted({ ...STEPS, wait_at: '25' });
    await worker.line('Checkpoint stored', { job_id, attempt: 1, step: 20 });
    await service.ledger.requestPause('alice', job_id);
    const paused = await service.reached(job_id, 'paused', 'succeeded', 'failed');
    expect(paused).toMatchObject({ status: 'paused', attempt: 1, warnings: [] });
    const [attempt] = await service.ledger.listAttempts(job_id);
    expect(attempt).toMatchObject({ end: 'paused', ended_at: expect.any(Number) });
    const [checkpoint] = await service.ledger.listCheckpoints(job_id);
    const rows = await service.series(job_id);
    expect([checkpoint?.step, rows.at(-1)?.step]).toEqual([25, 25]);
    await service.reached(await service.postScripted({ steps: '3' }), 'succeeded');
    const before = await service.ledger.engineTime(job_id);
    expect((await service.ledger.loadJob(job_id))?.status).toBe('paused');
    expect(await service.ledger.engineTime(job_id)).toBe(before);
    await service.ledger.requestResume('alice', job_id);
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2, warnings: [], result: { weights: undisturbed } });
    expect((await service.ledger.listAttempts(job_id))[1]).toMatchObject({ end: 'finished', from_step: 25 });
    expect((await service.series(job_id)).map((row) => row.step)).toEqual(step(60));
  });

  it('pauses a job whose engine is killed while it should pause, and resumes it from its last checkpoint', async () => {
    const job_id = await service.postScripted({ ...STEPS, deaf: 'yes', step_ms: '30' });
    const { engine } = await worker.line('Job claimed', { job_id });
    await worker.line('Checkpoint stored', { job_id, attempt: 1, step: 10 });
    await service.ledger.requestPause('alice', job_id);
    process.kill(engine as number, 'SIGKILL');
    expect(await service.reached(job_id, 'paused', 'succeeded', 'failed')).toMatchObject({ status: 'paused', attempt: 1 });
    await service.ledger.requestResume('alice', job_id);
    expect((await service.reached(job_id, 'succeeded', 'failed')).result?.weights).toBe(undisturbed);
  });

  it('ends a job that is done before it hears of a pause', async () => {
    const job_id = await service.postScripted({ ...STEPS, deaf: 'yes' });
    await worker.line('Checkpoint stored', { job_id, attempt: 1, step: 10 });
    await service.ledger.requestPause('alice', job_id);
    expect(await service.reached(job_id, 'paused', 'succeeded', 'failed')).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('goes on at once with a job that is resumed before its engine has stopped', async () => {
    const job_id = await service.postScripted({ ...STEPS, step_ms: '30' });
    await worker.line('Checkpoint stored', { job_id, attempt: 1, step: 10 });
    await service.ledger.requestPause('alice', job_id);
    await service.ledger.requestResume('alice', job_id);
    const job = await service.reached(job_id, 'succeeded', 'failed', 'paused');
    expect(job).toMatchObject({ status: 'succeeded', result: { weights: undisturbed } });
  });

  it('falls back to the checkpoint before when the newest is damaged, and says so', async () => {
    const job_id = await service.postScripted({ ...STEPS, wait_at: '25' });
    await worker.line('Checkpoint stored', { job_id, attempt: 1, step: 20 });
    await service.ledger.requestPause('alice', job_id);
    await service.reached(job_id, 'paused');
    const [newest] = await service.ledger.listCheckpoints(job_id);
    await service.blobs.put(newest!.blob_key, Readable.from([Buffer.from('damaged')]));
    await service.ledger.requestResume('alice', job_id);
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({
      status: 'succeeded',
      result: { weights: undisturbed },
      warnings: [
        {
          code: 'CHECKPOINT_DAMAGED',
          detail: 'The checkpoint of step 25 is missing or damaged; attempt 2 goes on from step 20',
        },
      ],
    });
    expect((await service.ledger.listAttempts(job_id))[1]?.from_step).toBe(20);
  });

  it('ends an engine that does not hear that it is cancelled', async () => {
    const job_id = await service.postScripted({ ...STEPS, steps: '100000', deaf: 'yes' });
    await worker.line('Checkpoint stored', { job_id, step: 10 });
    await service.ledger.requestCancel('alice', job_id);
    expect(await service.reached(job_id, 'cancelled', 'failed', 'succeeded')).toMatchObject({ status: 'cancelled' });
    expect(await worker.line('Engine ended', { engine: (await worker.line('Job claimed', { job_id })).engine })).toMatchObject({
      reason: 'did not stop when it was cancelled',
    });
  });

  it('ends a job that has used up its engine time over several attempts', async () => {
    const job_id = await service.postScripted({ ...STEPS, steps: '100000' }, { max_runtime_s: 3 });
    const { engine } = await worker.line('Job claimed', { job_id });
    await worker.line('Checkpoint stored', { job_id, step: 100 });
    process.kill(engine as number, 'SIGKILL');
    const job = await service.reached(job_id, 'failed', 'succeeded');
    expect(job).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'MAX_RUNTIME_EXCEEDED', status: 422, retryable: false } });
    expect(await service.ledger.engineTime(job_id)).toBeLessThan(5_500);
  });

  it('takes a job from an engine that is silent and gives it to another', async () => {
    const job_id = await service.postScripted({ ...STEPS, script_1: 'silent' });
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2, warnings: [{ detail: 'Attempt 1: The engine was silent for 10 s' }] });
    expect(job.result?.weights).toBe(undisturbed);
  });

  it.each([
    ['crash', 'The engine ended with code 3'],
    ['nonsense', "The engine sent what is not a frame: The engine's finished frame is wrong at"],
  ])('attempts a job again whose engine goes wrong: %s', async (script_1, detail) => {
    const job = await service.reached(await service.postScripted({ ...STEPS, script_1 }), 'succeeded', 'failed');
    expect(job).toMatchObject({
      status: 'succeeded',
      attempt: 2,
      warnings: [{ code: 'ENGINE_LOST', detail: expect.stringContaining(detail) }],
    });
  });

  it('takes over no file from outside the engine’s folder', async () => {
    const job = await service.reached(await service.postScripted({ ...STEPS, script_1: 'stray' }), 'succeeded', 'failed');
    expect(job).toMatchObject({ attempt: 2, warnings: [{ code: 'ENGINE_FAILED', detail: expect.stringContaining('/etc/passwd') }] });
  });

  it('ends a job whose own fault the failure is', async () => {
    const job = await service.reached(await service.postScripted({ script: 'fail', code: 'NON_FINITE_GRADIENT' }), 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'NON_FINITE_GRADIENT', detail: 'The script says so' } });
  });

  it('gives up a job after five attempts without a checkpoint, and says what went wrong in each', async () => {
    const job = await service.reached(await service.postScripted({ script: 'fail', code: 'OUT_OF_MEMORY' }), 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'failed', attempt: 5, error: { code: 'ATTEMPTS_EXHAUSTED' } });
    expect(job.warnings).toEqual(step(5).map((n) => ({ code: 'OUT_OF_MEMORY', detail: `Attempt ${n}: The script says so` })));
  });

  it('fails a job whose exported model differs from the one in memory, and keeps no byte of it', async () => {
    const job_id = await service.postScripted({ steps: '3', differs: 'yes' });
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'VERIFICATION_FAILED', detail: expect.stringContaining('0.5') },
    });
    expect(await service.ledger.listArtifacts(job_id)).toEqual([]);
  });

  it('drops an attempt that was fenced off and ends its engine', async () => {
    const job_id = await service.postScripted(STEPS);
    const { engine } = await worker.line('Job claimed', { job_id });
    await worker.line('Checkpoint stored', { job_id, step: 10 });
    await service.ledger.releaseJob(job_id, 1, 'worker_lost');
    await worker.line('Attempt fenced off: another has the job', { job_id, attempt: 1 });
    await processGone(engine as number);
    expect(await service.reached(job_id, 'succeeded', 'failed')).toMatchObject({
      status: 'succeeded',
      attempt: 2,
      result: { weights: undisturbed },
    });
  });
});

describe('a worker that ends', () => {
  it('while it should pause a job leaves it paused, and resumed where that was asked for', async () => {
    const ids: string[] = [];
    for (const resumed of [false, true]) {
      const job_id = await service.postScripted({ ...STEPS, deaf: 'yes', step_ms: '30' });
      await worker.line('Checkpoint stored', { job_id, step: 10 });
      await service.ledger.requestPause('alice', job_id);
      worker.child.kill('SIGKILL');
      await worker.exited;
      if (resumed) await service.ledger.requestResume('alice', job_id);
      worker = service.startWorker();
      await worker.line('Job taken back from a worker that is gone', { job_id, attempt: 1 });
      ids.push(job_id);
    }
    const [paused, resumed] = ids as [string, string];
    expect(await service.reached(resumed, 'succeeded', 'failed', 'paused')).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(await service.ledger.loadJob(paused)).toMatchObject({ status: 'paused', attempt: 1 });
    await service.ledger.requestResume('alice', paused);
    expect((await service.reached(paused, 'succeeded', 'failed')).result?.weights).toBe(undisturbed);
  });

  it('leaves no engine behind when it is killed, and another goes on with its job', async () => {
    const job_id = await service.postScripted(STEPS);
    await worker.line('Checkpoint stored', { job_id, step: 20 });
    const engines = worker.lines.filter(({ msg }) => msg === 'Engine warmed up').map((line) => line.engine as number);
    worker.child.kill('SIGKILL');
    await Promise.all(engines.map(processGone));
    worker = service.startWorker();
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2, result: { weights: undisturbed } });
    expect((await service.ledger.listAttempts(job_id))[0]).toMatchObject({ end: 'worker_lost' });
    expect((await service.series(job_id)).map((row) => row.step)).toEqual(step(60));
  });

  it('loses its job to another when it is silent, and finds out when it wakes', async () => {
    const job_id = await service.postScripted(STEPS);
    await worker.line('Checkpoint stored', { job_id, step: 20 });
    const frozen = worker;
    frozen.child.kill('SIGSTOP');
    worker = service.startWorker();
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2, result: { weights: undisturbed } });
    frozen.child.kill('SIGCONT');
    await frozen.line('Attempt fenced off: another has the job', { job_id, attempt: 1 });
    expect(await service.ledger.listArtifacts(job_id)).toHaveLength(2);
    frozen.child.kill('SIGTERM');
    await frozen.exited;
  });

  it('gives its job back at once when it is told to stop', async () => {
    const job_id = await service.postScripted(STEPS);
    await worker.line('Checkpoint stored', { job_id, step: 20 });
    worker.child.kill('SIGTERM');
    await worker.exited;
    expect((await service.ledger.listAttempts(job_id))[0]).toMatchObject({ end: 'worker_stopped' });
    worker = service.startWorker();
    const job = await service.reached(job_id, 'succeeded', 'failed');
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2, warnings: [], result: { weights: undisturbed } });
  });
});

describe('a Redis that is killed with all it held', () => {
  it('costs a running job nothing, and jobs go on when it is back', async () => {
    const running = await service.postScripted(STEPS);
    const waiting = await service.postScripted(STEPS);
    await worker.line('Checkpoint stored', { job_id: running, step: 20 });
    process.kill(await service.redisPid(), 'SIGKILL');
    for (const id of [running, waiting])
      expect(await service.reached(id, 'succeeded', 'failed')).toMatchObject({
        status: 'succeeded',
        attempt: 1,
        result: { weights: undisturbed },
      });
  });
});
