import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/jobs/ids.ts';
import type { DatasetRow, ModelRow } from '../../src/ledger/ledger.ts';
import { artifactSample, endingOf } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob, insertRunningJob } from './inputs.ts';
import { trainRequest, uploadSeed } from './uploads.ts';

describe('posting a job', () => {
  let server: TestServer;
  let inputs: { model: ModelRow; dataset: DatasetRow };
  beforeAll(async () => {
    server = await startServer();
    inputs = await insertInputs(server);
  });
  afterAll(() => server.close());

  const post = (body: unknown, headers: Record<string, string> = {}) => server.call('POST', '/v1/jobs', { body, headers });
  const request = (more: Record<string, unknown> = {}) => trainRequest({ modelId: inputs.model.id, datasetId: inputs.dataset.id }, more);

  it('answers 202 while Redis is away, with the whole job and where it is', async () => {
    const nudged = server.nudges();
    const { status, headers, body } = await post(request({ metadata: { run: '7' } }));
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/v1/jobs/${body.id}`);
    expect(headers.get('retry-after')).toBe('1');
    expect(body).toMatchObject({ object: 'job', type: 'train', status: 'queued', revision: 1, attempt: 0, metadata: { run: '7' } });
    expect(body.queue_position).toBeGreaterThanOrEqual(0);
    expect(server.nudges()).toBe(nudged + 1);
    expect((await server.ledger.loadJob(body.id))?.status).toBe('queued');
  });

  it('echoes every default, and every auto with the value in force', async () => {
    const { body } = await post(request());
    expect(body.spec).toMatchObject({ seed: 0, device: 'any', max_runtime_s: 86_400 });
    expect(body.spec.training).toMatchObject({ batch_size: 128, clipping: { type: 'none' }, on_non_finite: 'fail' });
    expect(body.spec.training.loss).not.toBe('auto');
    expect(body.spec.training.optimizer.type).not.toBe('auto');
  });

  it('reads the config of an uploaded model where the check needs the graph', async () => {
    const uploaded = await uploadSeed(server);
    const prune = (target: unknown) =>
      post({
        type: 'prune',
        model_id: uploaded.modelId,
        dataset_id: uploaded.datasetId,
        pruning: { criterion: { type: 'magnitude' }, structure: { type: 'channels' }, target },
      });
    expect((await prune({ macs: 0.5 })).status).toBe(202);
    expect(await prune({ macs: 0.001 })).toMatchObject({ status: 422, body: { code: 'TARGET_OUT_OF_REACH' } });
  });

  it('takes the plan of another job, where that has left one of the same model', async () => {
    const { modelId, datasetId } = await uploadSeed(server);
    const model = (await server.ledger.findModel('default', modelId))!;
    const dataset = (await server.ledger.findDataset('default', datasetId))!;
    const bodies = model.facts.prunability.groups.filter(({ frozen }) => frozen === null);
    const planned = async (plan: unknown): Promise<string> => {
      const artifact = artifactSample('', { tenant: 'default', role: 'plan', format: 'json', blob_key: `jobs/${newId('job')}/1/plan` });
      await server.blobs.put(artifact.blob_key, Readable.from([JSON.stringify(plan)]));
      const row = await insertRunningJob(server, { model, dataset });
      await server.ledger.endJob(endingOf(row.id, 1, { artifacts: [{ ...artifact, job_id: row.id }] }));
      return row.id;
    };
    const groups = [{ layers: bodies[0]!.layers, removed: [0] }];
    const prune = (job_id: string) => ({
      type: 'prune',
      model_id: modelId,
      dataset_id: datasetId,
      pruning: { criterion: { type: 'planned' }, structure: { type: 'channels' }, target: { macs: 1 }, plan: { job_id } },
    });
    const good = await post(prune(await planned({ model_sha256: model.sha256, groups })));
    expect(good).toMatchObject({ status: 202, body: { spec: { pruning: { plan: { job_id: expect.stringMatching(/^job_/) } } } } });
    const other = await post(prune(await planned({ model_sha256: 'f'.repeat(64), groups })));
    expect(other).toMatchObject({ status: 422, body: { code: 'PLAN_MISMATCH', errors: [{ pointer: '/pruning/plan/job_id' }] } });
    expect(await post(prune(await planned({ groups: 3 })))).toMatchObject({ status: 422, body: { code: 'PLAN_MISMATCH' } });
    const without = await insertJob(server, { model, dataset });
    for (const id of [without.id, newId('job')]) {
      const refused = await post(prune(id));
      expect(refused).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED', errors: [{ pointer: '/pruning/plan/job_id' }] } });
    }
  });

  it.each([
    ['a misspelt field', { sede: 3 }, '/sede', "Did you mean 'seed'?", '3'],
    ['a misspelt field further in', { training: { epoch: 3 } }, '/training/epoch', "Did you mean 'epochs'?", '3'],
    [
      'a misspelt option of one method',
      { training: { clipping: { type: 'norm', max_nrom: 1 } } },
      '/training/clipping/max_nrom',
      "Did you mean 'max_norm'?",
      '1',
    ],
    ['a misspelt method', { training: { optimizer: { type: 'adma' } } }, '/training/optimizer/type', "Did you mean 'adam", '"adma"'],
    ['a misspelt choice', { device: 'gpus' }, '/device', "Did you mean 'gpu'?", '"gpus"'],
    ['a number as text', { seed: '3' }, '/seed', 'must be integer', '"3"'],
    ['a number out of range', { training: { epochs: -1 } }, '/training/epochs', 'must be >= 0', '-1'],
    [
      'an id of another kind',
      { model_id: 'job_01JZ3V9X0N8Q4Y7B2C5D6E8F9G' },
      '/model_id',
      'must match pattern',
      '"job_01JZ3V9X0N8Q4Y7B2C5D6E8F9G"',
    ],
  ])('answers 422 to %s, with where it is, what it was and what is meant', async (_what, more, pointer, detail, received) => {
    const { status, body } = await post(request(more));
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'VALIDATION_FAILED' });
    const item = body.errors.find((error: { pointer: string }) => error.pointer === pointer);
    expect(item.detail).toContain(detail);
    expect(item.received).toBe(received);
  });

  it('names every fault at once', async () => {
    const { body } = await post({ type: 'train', seeds: 1, device: 3 });
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/dataset_id',
      '/device',
      '/model_id',
      '/seeds',
      '/training',
    ]);
  });

  it('complains of a nullable object as of the object, not of null', async () => {
    const prune = {
      ...request(),
      type: 'prune',
      training: undefined,
      pruning: { criterion: { type: 'random' }, target: { sparsity: 0.5 } },
    };
    const { body } = await post({ ...prune, fine_tuning: { epoch: 1 } });
    expect(body.errors).toEqual([
      { pointer: '/fine_tuning/epoch', detail: "Unknown field 'epoch'. Did you mean 'epochs'?", received: '1' },
    ]);
    const { body: number } = await post({ ...prune, fine_tuning: 3 });
    expect(number.errors).toEqual([{ pointer: '/fine_tuning', detail: '/fine_tuning must be object or null', received: '3' }]);
  });

  it('refuses inputs that are not there, are deleted, or are another tenant’s', async () => {
    const foreign = await insertInputs(server, 'bob');
    const deleted = await insertInputs(server);
    await server.ledger.deleteModel('default', deleted.model.id);
    for (const model_id of ['mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G', foreign.model.id, deleted.model.id]) {
      const { status, body } = await post({ ...request(), model_id });
      expect({ status, errors: body.errors }).toEqual({
        status: 422,
        errors: [{ pointer: '/model_id', detail: `There is no model ${model_id}`, received: JSON.stringify(model_id) }],
      });
    }
    expect(await post({ ...request(), dataset_id: foreign.dataset.id })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/dataset_id' }] },
    });
  });

  it('refuses what the check knows cannot work', async () => {
    const wide = await insertInputs(server);
    const facts = { ...wide.dataset.facts, x: { ...wide.dataset.facts.x, shape: [5] } };
    const dataset = { ...wide.dataset, id: 'dst_01JZ3V9X0N8Q4Y7B2C5D6E8F9G', facts };
    await server.ledger.insertDataset(dataset);
    expect(await post({ ...request(), dataset_id: dataset.id })).toMatchObject({ status: 422, body: { code: 'MODEL_DATASET_MISMATCH' } });
  });

  describe('with an Idempotency-Key', () => {
    it('a second time gives the first answer and no second job', async () => {
      const first = await post(request(), { 'idempotency-key': 'one' });
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      await server.ledger.requestCancel('default', first.body.id);
      const nudged = server.nudges();
      const again = await post(request(), { 'idempotency-key': 'one' });
      expect(again.status).toBe(202);
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      expect(again.headers.get('location')).toBe(first.headers.get('location'));
      expect(again.body).toEqual(first.body);
      expect(server.nudges()).toBe(nudged);
    });

    it('is the same request whatever the order of its fields', async () => {
      const { type, ...rest } = request();
      const first = await post({ type, ...rest }, { 'idempotency-key': 'two' });
      const again = await post({ ...rest, type }, { 'idempotency-key': 'two' });
      expect(again.body.id).toBe(first.body.id);
    });

    it('is replayed even when the model is gone since', async () => {
      const own = await insertInputs(server);
      const body = { ...request(), model_id: own.model.id };
      const first = await post(body, { 'idempotency-key': 'three' });
      await server.ledger.requestCancel('default', first.body.id);
      await server.ledger.deleteModel('default', own.model.id);
      expect((await post(body, { 'idempotency-key': 'three' })).body).toEqual(first.body);
    });

    it('for another body answers 422', async () => {
      await post(request(), { 'idempotency-key': 'four' });
      expect(await post(request({ seed: 1 }), { 'idempotency-key': 'four' })).toMatchObject({
        status: 422,
        body: { code: 'IDEMPOTENCY_MISMATCH' },
      });
    });

    it('many times at once makes one job', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(request(), { 'idempotency-key': 'five' })));
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
    });

    it('that was refused may be used again', async () => {
      expect((await post(request({ sede: 1 }), { 'idempotency-key': 'six' })).status).toBe(422);
      expect((await post(request(), { 'idempotency-key': 'six' })).status).toBe(202);
    });

    it.each(['', ' ', 'ü', 'x'.repeat(256)])('that is %j answers 400', async (key) => {
      // fetch sends no such header; this does.
      const { statusCode, body } = await server.app.inject({
        method: 'POST',
        url: '/v1/jobs',
        headers: { host: '127.0.0.1', 'idempotency-key': key },
        payload: request(),
      });
      expect([statusCode, JSON.parse(body).code]).toEqual([400, 'MALFORMED_REQUEST']);
    });
  });
});
