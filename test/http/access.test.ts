import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/routes/index.ts';
import { newId } from '../../src/jobs/ids.ts';
import { artifactSample, endingOf } from '../ledger/samples.ts';
import { withTable } from './access-page.ts';
import { ACCESS } from './access-table.ts';
import { startServer, type TestServer } from './harness.ts';
import { insertInputs, insertJob, insertRunningJob } from './inputs.ts';
import { EMPTY_FILE, insertKey } from './insert-key.ts';

let server: TestServer;
/** What is alice's, by the prefix of its id. */
let alices: Record<string, string>;
let endedJob: string;
let body: Record<string, unknown>;
const bearers: Record<string, string | undefined> = { noKey: undefined };

beforeAll(async () => {
  server = await startServer({ keys: EMPTY_FILE });
  const admin = await insertKey(server, { tenant: 'alice', role: 'admin' });
  bearers.revoked = (await insertKey(server, { tenant: 'alice', role: 'admin', revoked_at: 2 })).bearer;
  bearers.readOnly = (await insertKey(server, { tenant: 'alice', role: 'read' })).bearer;
  bearers.otherTenant = (await insertKey(server, { tenant: 'bob', role: 'admin' })).bearer;

  const inputs = await insertInputs(server, 'alice');
  const ended = await insertRunningJob(server, inputs);
  const artifact = artifactSample(ended.id, { id: newId('art'), size_bytes: 1 });
  await server.blobs.put(artifact.blob_key, Readable.from([Buffer.from('x')]));
  await server.ledger.endJob(endingOf(ended.id, 1, { artifacts: [artifact] }));
  const { id: job } = await insertJob(server, inputs);
  const upload = {
    id: newId('upl'),
    tenant: 'alice',
    length: 1,
    received: 0,
    metadata: '',
    created_at: 1,
    expires_at: Number.MAX_SAFE_INTEGER,
  };
  await server.ledger.insertUpload(upload);
  endedJob = ended.id;
  alices = { mdl: inputs.model.id, dst: inputs.dataset.id, job, art: artifact.id, key: admin.id, upl: upload.id };
  body = { type: 'train', model_id: inputs.model.id, dataset_id: inputs.dataset.id, training: { epochs: 1, batch_size: 4 } };
}, 60_000);
afterAll(() => server.close());

/** The path with what is alice's in it. A stream ends by itself only where the job has ended. */
function pathOf({ path, params = {} }: (typeof ROUTES)[number]): string {
  return path.replace(/:(\w+)/g, (_, name: string) => {
    const { pattern = '' } = (params[name]?.schema ?? {}) as { pattern?: string };
    const prefix = /\^(\w+?)_/.exec(pattern)?.[1] ?? '';
    // Nobody gets as far as looking for a delivery.
    if (name === 'delivery') return params.delivery!.example;
    const id = path.endsWith('/events') ? endedJob : alices[prefix];
    if (id === undefined)
      throw new Error(`${path} names something that starts with '${prefix}_': give alice one in test/http/access.test.ts`);
    return id;
  });
}

/** Where an empty object would be refused before anything is looked up. */
const PAYLOADS: Record<string, () => object> = {
  '/v1/jobs': () => body,
  '/v1/keys': () => ({ name: 'x', role: 'read' }),
  '/v1/models/:id/predict': () => ({ inputs: [[1]] }),
};

/** What every call of the protocol has. */
const TUS = { 'tus-resumable': '1.0.0', 'upload-length': '1', 'upload-offset': '0' };

async function ask(route: (typeof ROUTES)[number], who: string) {
  const authorization = bearers[who];
  const payload = PAYLOADS[route.path]?.() ?? {};
  const { statusCode, body: text } = await server.app.inject({
    method: route.method,
    url: pathOf(route),
    headers: { ...(authorization === undefined ? {} : { authorization }), ...(route.tus ? TUS : {}) },
    ...(route.method === 'POST' && !route.tus ? { payload } : {}),
  });
  return { status: statusCode, text };
}

const routes = ROUTES.map((route) => ({ name: `${route.method} ${route.path}`, route }));

describe('who gets what from which route', () => {
  it('is said of every route, and of nothing else', () => {
    expect(Object.keys(ACCESS).sort(), 'rows of test/http/access-table.ts').toEqual(routes.map(({ name }) => name).sort());
  });

  it.each(routes)('$name', async ({ name, route }) => {
    const row = ACCESS[name];
    if (!row) throw new Error(`${name} has no row in test/http/access-table.ts`);
    const { noKey, revoked, readOnly, otherTenant } = row;
    const got = { noKey: (await ask(route, 'noKey')).status, revoked: (await ask(route, 'revoked')).status };
    expect({ ...got, readOnly: (await ask(route, 'readOnly')).status }).toEqual({ noKey, revoked, readOnly });
    const other = await ask(route, 'otherTenant');
    if (otherTenant !== 'own') return expect(other.status).toBe(otherTenant);
    if (route.access !== 'open') expect([401, 403, 404]).not.toContain(other.status);
    for (const id of [...Object.values(alices), endedJob]) expect(other.text).not.toContain(id);
  });

  it('left everything of alice’s as it was', async () => {
    const { ledger } = server;
    expect((await ledger.findModel('alice', alices.mdl!))?.deleted_at).toBeNull();
    expect((await ledger.findDataset('alice', alices.dst!))?.deleted_at).toBeNull();
    expect(await ledger.findUpload('alice', alices.upl!)).toMatchObject({ received: 0 });
    expect(await ledger.findJob('alice', alices.job!)).toMatchObject({ status: 'queued', revision: 1 });
    expect((await ledger.findJob('alice', endedJob))?.deleted_at).toBeNull();
    expect((await ledger.findKey('alice', alices.key!))?.revoked_at).toBeNull();
    expect((await ledger.listAudit('alice', { limit: 10 })).rows).toEqual([]);
  });

  it('is what docs/access.md has: `npm run access-docs` brings it up to date', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/access.md'), 'utf8');
    expect(page).toBe(withTable(page));
  });
});
