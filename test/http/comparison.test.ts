import { afterAll, beforeAll, expect, it } from 'vitest';
import { problemDocument } from '../../src/errors.ts';
import { settleComparisons } from '../../src/jobs/compare/settle.ts';
import type { JobRow } from '../../src/ledger/ledger.ts';
import { artifactSample, claimOf, endingOf, modelSample } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { uploadSeed } from './uploads.ts';

let server: TestServer;
let inputs: { modelId: string; datasetId: string };
beforeAll(async () => {
  server = await startServer();
  inputs = await uploadSeed(server);
});
afterAll(() => server.close());

const post = (more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  server.call('POST', '/v1/jobs', {
    body: {
      type: 'compare',
      model_id: inputs.modelId,
      dataset_id: inputs.datasetId,
      candidates: [{ type: 'train', name: 'tight', clipping: { type: 'global_norm', max_norm: 0.1 } }],
      training: { epochs: 1 },
      ...more,
    },
    headers,
  });
const look = async (id: string) => (await server.call('GET', `/v1/jobs/${id}`)).body;

/** Ends a child as a worker would: with the accuracy given, or diverged. */
async function end({ id }: JobRow, accuracy: number | null): Promise<void> {
  await server.ledger.claimJob(claimOf(id, 1));
  await server.ledger.markStarted(id, 1, null);
  if (accuracy === null) {
    const error = problemDocument('NON_FINITE_GRADIENT', 'Step 3');
    await server.ledger.endJob(endingOf(id, 1, { status: 'failed', result: null, error, models: [], artifacts: [] }));
    return;
  }
  const model = modelSample({ tenant: 'default', job_id: id });
  const quality = {
    samples: 10,
    loss: { value: 1 - accuracy, low: 0, high: 1 },
    accuracy: { value: accuracy, low: 0, high: 1 },
    error: 1 - accuracy,
  };
  const result = {
    model_id: model.id,
    selection: { ...quality, constant_loss: 2 },
    training: { clipped_fraction: 0.25, verdict: 'active' },
  };
  await server.ledger.endJob(endingOf(id, 1, { result, models: [model], artifacts: [artifactSample(id, { tenant: 'default' })] }));
}

it('is one job and those that it is made of, posted together', async () => {
  const { status, body } = await post({ seeds: [1, 2] }, { 'idempotency-key': '"comparison"' });
  expect(status).toBe(202);
  expect(body).toMatchObject({ type: 'compare', status: 'running', queue_position: null, parent_job_id: null });
  expect(body.spec.candidates.map(({ name }: { name: string }) => name)).toEqual(['tight', 'unclipped']);
  const { body: page } = await server.call('GET', `/v1/jobs?parent_job_id=${body.id}`);
  expect(page.data).toHaveLength(4);
  for (const child of page.data) expect(child).toMatchObject({ type: 'train', status: 'queued', parent_job_id: body.id });
  expect(await look(body.id)).toMatchObject({ progress: { phase: 'comparing', step: 0, total_steps: 4, fraction: 0 } });
  const again = await post({ seeds: [1, 2] }, { 'idempotency-key': '"comparison"' });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toMatchObject({ id: body.id, status: 'running' });
  expect((await server.call('POST', `/v1/jobs/${body.id}/pause`)).body.status).toBe('pausing');
  expect((await server.call('POST', `/v1/jobs/${body.id}/resume`)).body.status).toBe('running');
  expect((await server.call('POST', `/v1/jobs/${body.id}/cancel`)).body.status).toBe('cancelling');
  await settleComparisons(server.ledger, server.journal.log);
  expect(await look(body.id)).toMatchObject({ status: 'cancelled', progress: { phase: 'done', step: 4 } });
  expect((await server.call('DELETE', `/v1/jobs/${body.id}`)).status).toBe(204);
  expect((await server.call('GET', `/v1/jobs/${page.data[0].id}`)).status).toBe(410);
});

it('ends with its last child, with what can be told of all of them, and reports it', async () => {
  const { body } = await post({ seeds: [0, 1, 2, 3, 4] });
  for (const child of await server.ledger.listChildren(body.id)) {
    const { seed, training } = child.spec as { seed: number; training: { clipping: { type: string } } };
    await end(child, training.clipping.type === 'none' ? null : 0.9 + seed / 1000);
  }
  await settleComparisons(server.ledger, server.journal.log);
  await settleComparisons(server.ledger, server.journal.log);
  const ended = await look(body.id);
  expect(ended).toMatchObject({
    status: 'succeeded',
    progress: { fraction: 1 },
    result: { clipping: { helps: 'yes', best: 'tight', tied: [] } },
  });
  const [tight, unclipped] = ended.result.comparison.candidates;
  expect(tight).toMatchObject({ name: 'tight', rank: 1, learned: { successes: 5, runs: 5 } });
  expect(tight.selection.accuracy.value).toBeCloseTo(0.902, 12);
  expect(tight.runs[0]).toMatchObject({ status: 'succeeded', clipping: { fraction: 0.25 }, artifacts: [{ role: 'model' }] });
  expect(unclipped).toMatchObject({ name: 'unclipped', control: true, rank: null, finite: { successes: 0, runs: 5 } });
  expect(ended.result.model_id).toBe(tight.runs[0].model_id);
  const listed = (await server.call('GET', '/v1/jobs?type=compare&limit=1')).body.data[0];
  expect(listed.headline).toMatchObject({ model_id: tight.runs[0].model_id, best_candidate: 'tight', tied: false, accuracy: null });
  const page = (await server.call('GET', `/v1/jobs/${body.id}/report`)).text;
  for (const text of ['Clipping helps this model', 'learns more often', 'NON_FINITE_GRADIENT', tight.runs[0].job_id])
    expect(page).toContain(text);
});

it('fails where nothing is left, and says of what', async () => {
  const { body } = await post({ seeds: [0] });
  for (const child of await server.ledger.listChildren(body.id)) await end(child, null);
  await settleComparisons(server.ledger, server.journal.log);
  expect(await look(body.id)).toMatchObject({
    status: 'failed',
    error: { code: 'NO_CANDIDATE_LEFT', detail: expect.stringContaining('2 NON_FINITE_GRADIENT') },
  });
});
