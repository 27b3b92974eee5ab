import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/jobs/ids.ts';
import type { DatasetRow, ModelRow } from '../../src/ledger/ledger.ts';
import { artifactSample, endingOf, modelSample, segmentSample } from '../ledger/samples.ts';
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

describe('deleting a job', () => {
  it('answers 409 until it has ended', async () => {
    const { id } = await insertRunningJob(server, inputs);
    expect(await server.call('DELETE', `/v1/jobs/${id}`)).toMatchObject({ status: 409, body: { code: 'JOB_NOT_ENDED' } });
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
    expect(await server.blobs.size(segment.blob_key)).toBeNull();
    expect(await server.blobs.size(artifact.blob_key)).toBeNull();
    expect((await server.call('DELETE', `/v1/jobs/${id}`)).status).toBe(410);
  });
});
