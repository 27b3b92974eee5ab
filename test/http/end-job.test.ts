import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/engine/checkpoint.ts';
import { newId } from '../../src/jobs/ids.ts';
import { tidy } from '../../src/jobs/tidy.ts';
import type { DatasetRow, ModelRow } from '../../src/ledger/ledger.ts';
import { readKeras } from '../../src/model/formats/keras.ts';
import { artifactSample, checkpointSample, endingOf, modelSample, segmentSample } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertEndedJob, insertInputs, insertJob, insertRunningJob } from './inputs.ts';

let server: TestServer;
let inputs: { model: ModelRow; dataset: DatasetRow };
beforeAll(async () => {
  server = await startServer();
  inputs = await insertInputs(server);
});
afterAll(() => server.close());

describe('cancelling a job', () => {
  const cancel = (id: string) => server.call('POST', `/v1/jobs/${id}/cancel`);

  it('ends a queued one at once, and says the same again', async () => {
    const { id } = await insertJob(server, inputs);
    for (const _ of [1, 2]) {
      const { status, headers, body } = await cancel(id);
      expect({ status, is: body.status, at: headers.get('location') }).toEqual({ status: 202, is: 'cancelled', at: `/v1/jobs/${id}` });
    }
  });

  it('takes no fields: one would be dropped in silence', async () => {
    const { id } = await insertJob(server, inputs);
    for (const verb of ['pause', 'resume', 'cancel']) {
      const answer = await server.call('POST', `/v1/jobs/${id}/${verb}`, { body: { reason: 'x' } });
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/reason' }] } });
    }
    expect(await server.call('POST', `/v1/jobs/${id}/cancel`, { body: {} })).toMatchObject({ status: 202 });
  });

  it('asks a running one to end, and says the same again', async () => {
    const { id } = await insertRunningJob(server, inputs);
    for (const _ of [1, 2]) expect(await cancel(id)).toMatchObject({ status: 202, body: { status: 'cancelling' } });
    await server.ledger.endJob(endingOf(id, 1, { status: 'cancelled', result: null }));
    expect(await cancel(id)).toMatchObject({ status: 202, body: { status: 'cancelled' } });
  });

  it('answers 409 when the job has ended', async () => {
    const { id } = await insertEndedJob(server, inputs);
    expect(await cancel(id)).toMatchObject({ status: 409, body: { code: 'JOB_HAS_ENDED' } });
  });

  it('takes a body that is empty, whatever it says it is', async () => {
    const { id } = await insertJob(server, inputs);
    const answer = await server.call('POST', `/v1/jobs/${id}/cancel`, { headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(202);
  });

  it('is 404 for another tenant’s', async () => {
    const { id } = await insertJob(server, await insertInputs(server, 'bob'));
    expect((await cancel(id)).status).toBe(404);
    expect((await server.ledger.loadJob(id))?.status).toBe('queued');
  });
});

describe('cancelling a job that has checkpoints and no worker', () => {
  const cancel = (id: string) => server.call('POST', `/v1/jobs/${id}/cancel`);

  type Best = { metric: string; value: number };

  /** A paused job with these checkpoints; every weight of a checkpoint is its step. */
  async function pausedJob(
    checkpoints: { step: number; fill?: number; best?: Best; carried?: Best & { step: number; epoch: number }; bytes?: Buffer }[],
  ) {
    const { id } = await insertRunningJob(server, inputs);
    const original = await readKeras(await server.blobs.localPath(inputs.model.blob_key));
    for (const { step, fill = step, best = null, carried = null, bytes } of checkpoints) {
      const scratch = await server.blobs.scratch();
      const path = join(scratch.folder, 'checkpoint');
      const filled = (prefix: string, value: number) =>
        [...original.weights].map(
          ([key, { shape, data }]) => [`${prefix}/${key}`, { shape, data: new Float32Array(data.length).fill(value) }] as const,
        );
      const arrays = new Map([...filled('weights', fill), ...(carried ? filled('best', carried.step) : [])]);
      writeCheckpoint(path, { state: { config: original.config, run: { watch: { best: carried } } }, arrays });
      if (bytes) writeFileSync(path, bytes);
      const row = checkpointSample(id, 1, step, { best });
      const stored = await server.blobs.putFile(row.blob_key, path);
      await server.ledger.addCheckpoint({ ...row, ...stored });
      await scratch.remove();
    }
    await server.ledger.requestPause('default', id);
    await server.ledger.pauseJob(id, 1, 1);
    return id;
  }

  it('leaves its best checkpoint as a model that descends from the job’s, and as an artifact', async () => {
    const best = { metric: 'val_loss', value: 0.25 };
    const id = await pausedJob([{ step: 10, best }, { step: 20 }, { step: 30 }]);
    const { status, body } = await cancel(id);
    expect({ status, is: body.status, warnings: body.warnings }).toEqual({ status: 202, is: 'cancelled', warnings: [] });
    expect(body.result).toMatchObject({ partial: true, step: 10, best, verification: [{ format: 'keras', identical: true }] });
    const model = await server.call('GET', `/v1/models/${body.result.model_id}`);
    expect(model.body).toMatchObject({ parent_model_id: inputs.model.id, job_id: id });
    expect(body.links.model).toBe(`/v1/models/${body.result.model_id}`);
    expect(body.artifacts).toMatchObject([{ role: 'model', format: 'keras' }]);
    const row = await server.ledger.findModel('default', body.result.model_id);
    const kept = await readKeras(await server.blobs.localPath(row!.blob_key));
    const original = await readKeras(await server.blobs.localPath(inputs.model.blob_key));
    expect(kept.config).toEqual(original.config);
    expect([...kept.weights.keys()]).toEqual([...original.weights.keys()]);
    for (const { data } of kept.weights.values()) expect(data.every((value) => value === 10)).toBe(true);
    expect(await cancel(id)).toMatchObject({ status: 202, body: { status: 'cancelled', result: body.result } });
  });

  it('leaves the best weights that its newest checkpoint carries beside the present ones', async () => {
    const id = await pausedJob([{ step: 20, carried: { metric: 'val_accuracy', value: 0.75, step: 10, epoch: 1 } }]);
    const { body } = await cancel(id);
    expect(body.result).toMatchObject({ partial: true, step: 10, best: { metric: 'val_accuracy', value: 0.75 } });
    const row = await server.ledger.findModel('default', body.result.model_id);
    const { weights } = await readKeras(await server.blobs.localPath(row!.blob_key));
    for (const { data } of weights.values()) expect(data.every((value) => value === 10)).toBe(true);
  });

  it('leaves its newest whole one where none was the best', async () => {
    const id = await pausedJob([{ step: 10 }, { step: 20 }]);
    const [newest] = await server.ledger.listCheckpoints(id);
    await server.blobs.put(newest!.blob_key, Readable.from([Buffer.from('damaged')]));
    expect((await cancel(id)).body.result).toMatchObject({ partial: true, step: 10, best: null });
  });

  it('is cancelled all the same when no model can be made, and says why', async () => {
    const id = await pausedJob([{ step: 10, bytes: Buffer.from('no checkpoint at all') }]);
    const { status, body } = await cancel(id);
    expect({ status, is: body.status, result: body.result }).toEqual({ status: 202, is: 'cancelled', result: null });
    expect(body.warnings).toEqual([{ code: 'PARTIAL_MODEL_LOST', detail: expect.stringContaining('step 10: ') }]);
    expect(body.artifacts).toEqual([]);
  });

  it('leaves none whose weights are not finite, but the one before', async () => {
    const id = await pausedJob([{ step: 10 }, { step: 20, fill: Number.NaN }]);
    expect((await cancel(id)).body.result).toMatchObject({ step: 10 });
  });

  it('leaves nothing when there is no checkpoint', async () => {
    const id = await pausedJob([]);
    expect((await cancel(id)).body).toMatchObject({ status: 'cancelled', result: null, warnings: [], artifacts: [] });
  });
});

describe('pausing and resuming a job', () => {
  const ask = (what: 'pause' | 'resume' | 'cancel', id: string) => server.call('POST', `/v1/jobs/${id}/${what}`);

  it('takes a queued job out of the queue, Redis or not, and puts it back behind the others', async () => {
    const { id } = await insertJob(server, inputs);
    for (const _ of [1, 2]) {
      const { status, headers, body } = await ask('pause', id);
      expect({ status, is: body.status, at: headers.get('location') }).toEqual({ status: 202, is: 'paused', at: `/v1/jobs/${id}` });
      expect(body.queue_position).toBeNull();
      expect(body.links).toMatchObject({ resume: `/v1/jobs/${id}/resume`, cancel: `/v1/jobs/${id}/cancel` });
      expect(body.links.pause).toBeUndefined();
    }
    const other = await insertJob(server, inputs);
    const nudged = server.nudges();
    for (const _ of [1, 2]) expect(await ask('resume', id)).toMatchObject({ status: 202, body: { status: 'queued' } });
    expect(server.nudges()).toBeGreaterThan(nudged);
    const position = async (job: string) => (await server.call('GET', `/v1/jobs/${job}`)).body.queue_position;
    expect(await position(id)).toBeGreaterThan(await position(other.id));
    for (const job of [id, other.id]) await ask('cancel', job);
  });

  it('asks a running one to stop, which ends a wait, and lets it run on when it is resumed first', async () => {
    const { id } = await insertRunningJob(server, inputs);
    const waiting = server.call('GET', `/v1/jobs/${id}`, { headers: { prefer: 'wait=30' } });
    await server.call('GET', `/v1/jobs/${id}`);
    for (const _ of [1, 2]) expect(await ask('pause', id)).toMatchObject({ status: 202, body: { status: 'pausing' } });
    expect((await waiting).body).toMatchObject({ status: 'pausing', links: { resume: `/v1/jobs/${id}/resume` } });
    for (const _ of [1, 2]) expect(await ask('resume', id)).toMatchObject({ status: 202, body: { status: 'running' } });
  });

  it('shows a paused job as it stood, with no end in sight', async () => {
    const { id } = await insertRunningJob(server, inputs);
    const progress = { phase: 'training', step: 50, total_steps: 100, fraction: 0.5, eta_s: { low: 3, high: 5 }, metrics: { loss: 1 } };
    await server.ledger.heartbeat(id, 1, { progress, engine_ms: 1 });
    await ask('pause', id);
    const look = async () => (await server.call('GET', `/v1/jobs/${id}`)).body;
    expect((await look()).progress).toMatchObject({ step: 50, eta_s: { low: 3, high: 5 } });
    await server.ledger.pauseJob(id, 1, 1);
    expect(await look()).toMatchObject({
      status: 'paused',
      progress: { phase: 'training', step: 50, eta_s: null },
      metrics: { loss: 1 },
      finished_at: null,
    });
    const { data } = (await server.call('GET', '/v1/jobs?status=paused')).body;
    expect(data.map((one: { id: string }) => one.id)).toContain(id);
    expect(await server.call('DELETE', `/v1/jobs/${id}`)).toMatchObject({ status: 409, body: { code: 'JOB_NOT_ENDED' } });
  });

  it('ends a job that is cancelled while it is paused or being paused', async () => {
    const pausing = await insertRunningJob(server, inputs);
    await ask('pause', pausing.id);
    expect((await ask('cancel', pausing.id)).body.status).toBe('cancelling');
    const paused = await insertJob(server, inputs);
    await ask('pause', paused.id);
    expect((await ask('cancel', paused.id)).body.status).toBe('cancelled');
  });

  it.each(['pause', 'resume'] as const)('answers 409 to a %s once the job is being cancelled or has ended', async (what) => {
    const running = await insertRunningJob(server, inputs);
    await ask('cancel', running.id);
    expect(await ask(what, running.id)).toMatchObject({ status: 409, body: { code: 'JOB_BEING_CANCELLED' } });
    const ended = await insertEndedJob(server, inputs);
    expect(await ask(what, ended.id)).toMatchObject({ status: 409, body: { code: 'JOB_HAS_ENDED' } });
    await server.ledger.deleteJob('default', ended.id);
    expect((await ask(what, ended.id)).status).toBe(410);
  });

  it.each(['pause', 'resume'] as const)('is 404 to a %s of another tenant’s', async (what) => {
    const { id } = await insertJob(server, await insertInputs(server, 'bob'));
    expect((await ask(what, id)).status).toBe(404);
    expect((await server.ledger.loadJob(id))?.status).toBe('queued');
  });
});

describe('deleting a job', () => {
  it('answers 409 until it has ended', async () => {
    const { id } = await insertRunningJob(server, inputs);
    expect(await server.call('DELETE', `/v1/jobs/${id}`)).toMatchObject({ status: 409, body: { code: 'JOB_NOT_ENDED' } });
  });

  it('that another request deletes meanwhile answers 410', async () => {
    const { id } = await insertEndedJob(server, inputs);
    const answers = await Promise.all(Array.from({ length: 6 }, () => server.call('DELETE', `/v1/jobs/${id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 410, 410, 410, 410, 410]);
  });

  it('takes its series and artifacts with it, and leaves the models it made', async () => {
    const { id } = await insertRunningJob(server, inputs);
    const segment = segmentSample(id, 1, 0);
    const artifact = artifactSample(id, { id: newId('art'), tenant: 'default' });
    const model = modelSample({ id: newId('mdl'), tenant: 'default', job_id: id, size_bytes: 1, blob_key: `jobs/${id}/1/models/m` });
    for (const { blob_key } of [segment, artifact, model]) await server.blobs.put(blob_key, Readable.from([Buffer.from('x')]));
    await server.ledger.addSegment(segment);
    await server.ledger.endJob(endingOf(id, 1, { models: [model], artifacts: [artifact] }));
    expect((await server.call('DELETE', `/v1/jobs/${id}`)).status).toBe(204);
    expect((await server.call('GET', `/v1/jobs/${id}`)).status).toBe(410);
    expect((await server.call('GET', `/v1/artifacts/${artifact.id}`)).status).toBe(410);
    expect((await server.call('GET', `/v1/models/${model.id}/content`)).text).toBe('x');
    const later = Date.now() + 2 * 3_600_000;
    await tidy({ ledger: server.ledger, blobs: server.blobs, now: later, stopping: new AbortController().signal });
    expect(await server.blobs.size(segment.blob_key)).toBeNull();
    expect(await server.blobs.size(artifact.blob_key)).toBeNull();
    expect(await server.blobs.size(model.blob_key)).toBe(1);
    expect((await server.call('DELETE', `/v1/jobs/${id}`)).status).toBe(410);
  });
});
