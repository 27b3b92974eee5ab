import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemDocument } from '../../src/errors.ts';
import type { DatasetRow, ModelRow } from '../../src/ledger/ledger.ts';
import { chunksOf } from '../helpers/series.ts';
import { modelSample } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertEndedJob, insertInputs, insertJob, insertRunningJob } from './inputs.ts';
import { storeSegment } from './stored-series.ts';

const HOSTILE = `</title><script>alert("x")</script><img src=x onerror='x'>&`;

describe('the report of a job', () => {
  let server: TestServer;
  let inputs: { model: ModelRow; dataset: DatasetRow };
  beforeAll(async () => {
    server = await startServer();
    const { dataset } = await insertInputs(server);
    const model = modelSample({ id: 'mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G', tenant: 'default', name: HOSTILE });
    await server.ledger.insertModel(model);
    inputs = { model, dataset };
  });
  afterAll(() => server.close());

  const read = (id: string, headers: Record<string, string> = {}) => server.call('GET', `/v1/jobs/${id}/report`, { headers });

  it('is a page that asks for nothing, with the charts of what was trained so far', async () => {
    const { id } = await insertRunningJob(server, inputs);
    await server.ledger.markStarted(id, 1, null);
    const rows = Array.from({ length: 100 }, (_, at) => ({
      series: 'step' as const,
      step: at + 1,
      values: { loss: 1 / (at + 1), gradient_norm: 2, clipped_norm: 1, clipping_threshold: 1, clipped: at % 4 === 0 ? 1 : 0 },
    }));
    await storeSegment(server, id, 1, chunksOf(0, [...rows, { series: 'epoch', step: 100, values: { epoch: 1, val_loss: 0.5 } }]));
    const { status, headers, text } = await read(id);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-.+; sandbox$/);
    expect(text.match(/<svg [^>]*role="img"/g)?.length).toBeGreaterThanOrEqual(2);
    // Neither scripts nor anything from elsewhere, and no style that the policy does not know.
    expect(text).not.toMatch(/<script|<link|<iframe|<[^>]*\s(src|href|style)=|@import|url\((?!#)/i);
    expect(text).toContain('It has not ended (running)');
    const program = await read(id, { accept: 'application/json' });
    expect(program.body.series.step).toHaveLength(100);
    const clipped: { steps: number; fraction: number }[] = program.body.series.clipped;
    expect(clipped.reduce((sum, { steps }) => sum + steps, 0)).toBe(100);
    expect(clipped.reduce((sum, { steps, fraction }) => sum + steps * fraction, 0)).toBeCloseTo(25);
  });

  it('shows names as text, whatever they are', async () => {
    const { id } = await insertJob(server, inputs);
    const { text } = await read(id);
    expect(text).not.toContain('<script');
    expect(text).not.toContain('<img');
    expect(text).toContain('&lt;/title&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;');
  });

  it('tells why a job failed', async () => {
    const error = problemDocument('NON_FINITE_GRADIENT', 'Step 3 <b>');
    const { id } = await insertEndedJob(server, inputs, { status: 'failed', result: null, error });
    expect((await read(id)).text).toContain('(NON_FINITE_GRADIENT). Step 3 &lt;b&gt;.');
    expect((await read(id, { accept: 'application/json' })).body.happened.join(' ')).toContain('Step 3 <b>.');
  });

  it('answers 304 as long as nothing changes', async () => {
    const { id } = await insertEndedJob(server, inputs);
    const first = await read(id);
    expect(await read(id, { 'if-none-match': first.headers.get('etag') as string })).toMatchObject({ status: 304, text: '' });
  });

  it('is 404 for another tenant’s job, and 410 for a deleted one', async () => {
    const foreign = await insertJob(server, await insertInputs(server, 'bob'));
    expect((await read(foreign.id)).status).toBe(404);
    const { id } = await insertEndedJob(server, inputs);
    await server.ledger.deleteJob('default', id);
    expect((await read(id)).status).toBe(410);
  });
});
