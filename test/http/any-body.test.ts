import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ACCURACY_REQUEST, PACK_REQUEST, PRUNE_REQUEST, RECIPE_REQUEST, TRAIN_REQUEST } from '../../src/http/examples.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs } from './inputs.ts';

let server: TestServer;
let ids: Record<string, string>;
beforeAll(async () => {
  server = await startServer();
  const { model, dataset } = await insertInputs(server);
  ids = { model_id: model.id, dataset_id: dataset.id };
});
afterAll(() => server.close());

const post = async (payload: string) => {
  const answer = await server.app.inject({
    method: 'POST',
    url: '/v1/jobs',
    headers: { host: '127.0.0.1', 'content-type': 'application/json' },
    payload,
  });
  return { status: answer.statusCode, body: answer.json() };
};

/** Every place in a value, as the keys that lead to it. */
function places(value: unknown): string[][] {
  if (value === null || typeof value !== 'object') return [[]];
  return [[], ...Object.entries(value).flatMap(([key, part]) => places(part).map((rest) => [key, ...rest]))];
}

function withChange(value: unknown, [key, ...rest]: string[], change: unknown): unknown {
  if (key === undefined) return change;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = withChange(copy[key], rest, change);
  return copy;
}

it('whatever the body, the answer is 202, or says what is wrong with it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 3 }), async (payload) => {
      const { status, body } = await post(payload);
      expect([400, 422]).toContain(status);
      expect(body.code).toMatch(/^(INVALID_JSON|VALIDATION_FAILED)$/);
    }),
    { numRuns: 150 },
  );
});

it('a request with something else in one of its places is taken, or refused with a problem that is no fault of ours', async () => {
  const requests = [TRAIN_REQUEST, PRUNE_REQUEST, ACCURACY_REQUEST, PACK_REQUEST, RECIPE_REQUEST].map((request) => ({
    ...request,
    ...ids,
  }));
  const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(0, -1, 1e308, 0.5, '', 'auto', null, [], {}, true));
  const changed = fc
    .constantFrom(...requests)
    .chain((request) => fc.tuple(fc.constant(request), fc.constantFrom(...places(request)), odd))
    .map(([request, place, change]) => withChange(request, place, change));
  await fc.assert(
    fc.asyncProperty(changed, async (request) => {
      const { status, body } = await post(JSON.stringify(request));
      expect(status === 202 || (status >= 400 && status < 500), `${status} ${JSON.stringify(body)}`).toBe(true);
    }),
    { numRuns: 400 },
  );
});
