/**
 * Requests to a server, each beside its peer in the same run: node bench/http.ts [poll] [create] [upload] [trainings] [--seconds=10] [--rounds=5] [--mib=1024]
 *
 *   poll       a queued job, 200 and 304, beside a bare Fastify route that answers with the same document
 *   create     POST /v1/jobs beside a bare Fastify route that does the same durable writes and adds to a queue
 *   upload     a data set beside @fastify/multipart with SHA-256, and what the server grows by with eight at once
 *   trainings  polling 200 times a second while two jobs train in two workers: p99 of both servers
 *
 * All of them without arguments. Espalier is asked with a key, its rate limits are off; the peers (bench/http/bare-server.ts) check nothing, log nothing and
 * measure nothing. Servers are processes of their own and are asked in turns. Figures count on a machine that does nothing else.
 */
import { parseArgs } from 'node:util';
import { HEAD, line, pairs } from './http/pairs.ts';
import { type Servers, startServers } from './http/servers.ts';
import { benchUpload } from './http/upload.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    mib: { type: 'string', default: '1024' },
  },
});
const load = { rounds: Number(values.rounds), seconds: Number(values.seconds), connections: 10 };
const POLLED_PER_SECOND = 200;

const BENCHES: Record<string, (servers: Servers) => Promise<string[]>> = {
  async poll(servers) {
    const { id } = await servers.call('POST', '/v1/jobs', await servers.request());
    const path = `/v1/jobs/${id}`;
    const { headers } = await fetch(new URL(path, servers.ours), { headers: servers.headers });
    const bare = { path: '/job', status: 200 };
    const whole = await pairs(servers, { path, headers: servers.headers, status: 200 }, bare, load);
    const known = { ...servers.headers, 'if-none-match': headers.get('etag')! };
    const unchanged = await pairs(servers, { path, headers: known, status: 304 }, bare, load);
    return [rateLine('polling a job, 200', whole, '0.7'), rateLine('polling a job, 304', unchanged, '0.7')];
  },

  async create(servers) {
    const body = JSON.stringify(await servers.request());
    const headers = { 'content-type': 'application/json' };
    const asked = { method: 'POST', body, status: 202 };
    const found = await pairs(
      servers,
      { ...asked, path: '/v1/jobs', headers: { ...headers, ...servers.headers } },
      { ...asked, path: '/jobs', headers },
      load,
    );
    return [rateLine('creating jobs', found, '0.7')];
  },

  upload: (servers) => benchUpload(servers, { mib: Number(values.mib), rounds: load.rounds }),

  async trainings(servers) {
    const training = { epochs: 100_000, batch_size: 32 };
    const asked = { ...(await servers.request()), training };
    servers.startWorker();
    servers.startWorker();
    const ids = [(await servers.call('POST', '/v1/jobs', asked)).id, (await servers.call('POST', '/v1/jobs', asked)).id];
    for (const id of ids) {
      while ((await servers.call('GET', `/v1/jobs/${id}`)).started_at === null) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const path = `/v1/jobs/${ids[0]}`;
    const { ours, bare } = await pairs(
      servers,
      { path, headers: servers.headers, status: 200 },
      { path: '/job', status: 200 },
      { ...load, overallRate: POLLED_PER_SECOND },
    );
    return [line('p99 of polling while two jobs train, ms', ours.p99.toFixed(1), bare.p99.toFixed(1), ours.p99 / bare.p99, 'at most 3')];
  },
};

function rateLine(name: string, { ours, bare }: Awaited<ReturnType<typeof pairs>>, wanted: string): string {
  return line(`${name}, requests/s`, ours.rate.toFixed(0), bare.rate.toFixed(0), ours.rate / bare.rate, wanted);
}

const unknown = positionals.find((name) => !(name in BENCHES));
if (unknown !== undefined) throw new Error(`There is no ${unknown}; there are ${Object.keys(BENCHES).join(', ')}`);
console.log(HEAD);
for (const name of positionals.length > 0 ? positionals : Object.keys(BENCHES)) {
  // Of its own: jobs that wait would make another's queue long.
  const servers = await startServers();
  try {
    for (const text of await BENCHES[name]!(servers)) console.log(text);
  } finally {
    await servers.stop();
  }
}
