import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './harness.ts';
import { uploadSeed } from './uploads.ts';

describe('prunability', () => {
  let server: TestServer;
  let path: string;
  beforeAll(async () => {
    server = await startServer();
    path = `/v1/models/${(await uploadSeed(server)).modelId}/prunability`;
  });
  afterAll(() => server.close());

  it('is told without a body, with the defaults in force', async () => {
    const { status, body } = await server.call('POST', path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ structure: { type: 'channels', round_to: 1, max_ratio: 0.9 }, layer_selection: { exclude: [] } });
    // 20-10-10-1 becomes 20-1-1-1.
    expect(body.largest_saving).toEqual({
      parameters: { before: 331, after: 21 + 2 + 2, kept: 25 / 331 },
      macs: { before: 310, after: 22, kept: 22 / 310 },
    });
    expect(body.layers.map(({ removable }: { removable: number }) => removable)).toEqual([9, 9, 0]);
    expect((await server.call('POST', path, { body: {} })).body).toEqual(body);
  });

  it('heeds options, and refuses those that mean nothing', async () => {
    const { body } = await server.call('POST', path, {
      body: { structure: { type: 'channels', round_to: 4 }, layers: { exclude: ['hidden_1'] } },
    });
    expect(body.groups.map(({ removable, blocked }: Record<string, { reason: string }>) => [removable, blocked?.reason])).toEqual([
      [0, 'EXCLUDED'],
      [6, undefined],
      [0, 'MODEL_OUTPUT'],
    ]);
    expect(await server.call('POST', path, { body: { layers: { exclude: ['hiden_1'] } } })).toMatchObject({
      status: 422,
      body: { code: 'UNKNOWN_LAYER', errors: [{ pointer: '/layers/exclude/0' }] },
    });
    expect(await server.call('POST', path, { body: { layer: {} } })).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', errors: [{ pointer: '/layer' }] },
    });
    expect(await server.call('POST', path, { body: '[]' })).toMatchObject({ status: 422 });
  });

  it('of a model that is not there is a 404', async () => {
    expect((await server.call('POST', '/v1/models/mdl_01JZ3V9X0N8Q4Y7B2C5D6E8F9G/prunability')).status).toBe(404);
  });
});
