/**
 * Jobs under faults: node test/faults/run.ts [--stores local|remote] [--engine tensorflow|scripted] [--jobs 200] [--seed 1] [--kinds REGEX] [--minutes 600].
 *
 * `local` is SQLite and a folder, `remote` Postgres and S3. Every round posts a few small jobs and lets one kind of fault (test/faults/kinds.ts) happen at a
 * random moment of them: in every other round once one of them has a checkpoint. After --minutes no round begins, and what is there by then is looked at. The
 * scripted engine is for many rounds: all but the arithmetic is the service's own, and a result is a hash of all steps, each of which was done once and in its turn.
 *
 * Holds where every job that was accepted ends with one visible result whose SHA-256 is the undisturbed run's, every event of it came to its webhook under
 * one id, an upload that was cut off is nowhere to be seen, and `espalier verify` finds nothing. What happened is printed as a table, and the logs of all
 * parts are in out/faults.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Client, type Job } from '../../examples/client.ts';
import { generator } from '../../src/random.ts';
import { KINDS } from './kinds.ts';
import { startReceiver } from './receiver.ts';
import { type Engine, type Stores, startWorld, verify } from './world.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    stores: { type: 'string', default: 'local' },
    engine: { type: 'string', default: 'tensorflow' },
    jobs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    kinds: { type: 'string', default: '.' },
    minutes: { type: 'string', default: '600' },
  },
});
const JOBS = Number(values.jobs);
const A_ROUND = 4;
/** A job that has not ended by then is lost. */
const PATIENCE_MS = 900_000;
const random = generator(Number(values.seed), 'faults');
const chance = () => random.uniform();

const ENGINES: readonly string[] = ['tensorflow', 'scripted'] satisfies Engine[];
const STORES: readonly string[] = ['local', 'remote'] satisfies Stores[];
for (const [value, accepted] of [
  [values.engine, ENGINES],
  [values.stores, STORES],
] as const)
  if (!accepted.includes(value)) throw new Error(`'${value}' is neither of ${accepted.join(', ')}`);

const training = { epochs: 1000, max_steps: 1200, batch_size: 32 };
const scripts = [
  { steps: '100', step_ms: '25', checkpoint_every: '10' },
  { steps: '150', step_ms: '20', checkpoint_every: '25' },
  { steps: '60', step_ms: '30', checkpoint_every: '6' },
];
const SPECS: readonly Record<string, unknown>[] =
  values.engine === 'scripted'
    ? scripts.map((metadata, index) => ({ type: 'train', seed: 5 + index, training: { epochs: 1 }, metadata }))
    : [
        { type: 'train', seed: 5, training: { ...training, optimizer: { type: 'adam' }, clipping: { type: 'global_norm', max_norm: 1 } } },
        {
          type: 'train',
          seed: 6,
          training: { ...training, optimizer: { type: 'sgd', learning_rate: 0.01, momentum: 0.9 }, clipping: { type: 'autoclip' } },
        },
        {
          type: 'prune',
          seed: 7,
          pruning: { criterion: { type: 'magnitude' }, target: { sparsity: 0.5 }, schedule: { type: 'polynomial', every_steps: 200 } },
          fine_tuning: { ...training, optimizer: { type: 'adamw' } },
        },
      ];

interface Accepted {
  id: string;
  spec: number;
  round: number;
}

const folder = join(ROOT, 'out/faults');
mkdirSync(folder, { recursive: true });
const log = join(folder, `${values.stores}-${values.engine}.log`);
rmSync(log, { force: true });
const faults: string[] = [];
const world = await startWorld(values.stores as Stores, values.engine as Engine, chance, log);
let secret = '';
const receiver = await startReceiver(() => secret);
const client = new Client(world.address);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const part of [world.server, ...world.workers]) part.child().kill('SIGKILL');
    world.remove();
    process.exit(1);
  });
try {
  await persistently('the service', async () => {
    if ((await fetch(`${world.address}/readyz`)).status !== 200) throw new Error('is not ready');
  });
  const made = await persistently('a secret', () => client.post('/v1/webhooks/secret', {}));
  secret = String(made.secret);
  const model = await client.upload('/v1/models', { file: join(ROOT, 'examples/seed/seed.keras') });
  const dataset = await client.upload('/v1/datasets', { file: join(ROOT, 'examples/seed/data.npz') });
  let uploads = 1;
  let posted = 0;
  const post = (spec: number) => {
    const body = {
      ...SPECS[spec],
      model_id: model.id,
      dataset_id: dataset.id,
      webhook: { url: receiver.url, events: ['started', 'succeeded', 'failed'] },
    };
    const key = `job-${posted++}`;
    return persistently('posting a job', async () => (await create(body, key)).id);
  };

  const whole: { sha256: string; ms: number }[] = [];
  for (const spec of SPECS.keys()) {
    const id = await post(spec);
    const job = await ended(id);
    if (job?.status !== 'succeeded') throw new Error(`An undisturbed job ended ${job?.status}: ${JSON.stringify(job?.error)}`);
    const ms = Date.parse(String(job.finished_at)) - Date.parse(String(job.started_at));
    whole.push({ sha256: modelsOf(job)[0]!, ms });
    console.log(
      `undisturbed ${SPECS[spec]!.type}, ${values.engine} engine: ${(ms / 1000).toFixed(1)} s, ${whole.at(-1)!.sha256.slice(0, 12)}`,
    );
  }
  const lasting = Math.max(...whole.map(({ ms }) => ms));

  const kinds = KINDS.filter(({ name, possible }) => new RegExp(values.kinds).test(name) && possible(world));
  for (const { name } of KINDS) if (!kinds.some((kind) => kind.name === name)) console.log(`left out: ${name}`);
  console.log(`\n| round | fault | at s | running, with a checkpoint | attempts | same result |\n| --- | --- | --- | --- | --- | --- |`);
  const accepted: Accepted[] = [];
  let checkpointed = 0;
  let round = 0;
  const last = performance.now() + 60_000 * Number(values.minutes);
  for (; accepted.length < JOBS && performance.now() < last; round++) {
    const kind = kinds[round % kinds.length]!;
    const jobs: Accepted[] = [];
    for (let job = 0; job < A_ROUND; job++) {
      const spec = Math.floor(chance() * SPECS.length);
      jobs.push({ id: await post(spec), spec, round });
    }
    accepted.push(...jobs);
    const ids = jobs.map(({ id }) => id);
    const posting = performance.now();
    const logged = (message: string) =>
      new Set(world.lines.filter(({ msg, job_id }) => msg === message && ids.includes(String(job_id))).map(({ job_id }) => job_id));
    // The other half of the kinds in the next turn.
    if ((round + Math.floor(round / kinds.length) * (1 - (kinds.length % 2))) % 2 === 0) await pause((0.1 + 1.7 * chance()) * lasting);
    else {
      for (let waited = 0; waited < 10 * lasting && logged('Checkpoint stored').size === 0; waited += 50) await pause(50);
      await pause(0.5 * chance() * lasting);
    }
    const at = performance.now() - posting;
    const running = [...logged('Job claimed')].filter((id) => !logged('Job ended').has(id));
    const stored = running.filter((id) => logged('Checkpoint stored').has(id)).length;
    checkpointed += stored;
    await kind.happen({ world, client, jobs: ids, chance, beginUpload });
    if (kind.name.includes('upload')) {
      await persistently('uploading again', () => client.upload('/v1/models', { file: join(ROOT, 'examples/seed/seed.keras') }));
      uploads += 1;
    }
    let attempts = 0;
    let same = 0;
    for (const { id, spec } of jobs) {
      const job = await ended(id);
      attempts += Number(job?.attempt ?? 0);
      const models = job ? modelsOf(job) : [];
      if (job?.status === 'succeeded' && models.length === 1 && models[0] === whole[spec]!.sha256) same += 1;
      else faults.push(`round ${round}, ${kind.name}: ${id} ${job?.status ?? 'has not ended'} ${JSON.stringify(job?.error ?? models)}`);
    }
    console.log(
      `| ${round} | ${kind.name} | ${(at / 1000).toFixed(1)} | ${running.length}, ${stored} | ${attempts} | ${same} of ${jobs.length} |`,
    );
  }

  // One visible result each, and no upload that was cut off.
  const models = await all(client, '/v1/models');
  for (const { id } of accepted) {
    const own = models.filter(({ job_id }) => job_id === id).length;
    if (own !== 1) faults.push(`${id} has ${own} models`);
  }
  const uploaded = models.filter(({ job_id }) => job_id === null).length;
  if (uploaded !== uploads) faults.push(`${uploaded} uploaded models are there; ${uploads} were acknowledged`);
  const expected = accepted.flatMap(({ id }) => [`${id} job.started`, `${id} job.succeeded`]);
  for (let waited = 0; waited < 90 && expected.some((key) => !receiver.ids.has(key)); waited++) await pause(1_000);
  for (const key of expected) {
    const ids = receiver.ids.get(key)?.size ?? 0;
    if (ids !== 1) faults.push(`${key} came under ${ids} webhook-ids`);
  }
  if (receiver.forged > 0) faults.push(`${receiver.forged} webhooks had a wrong signature`);
  await world.stop();
  const found = await verify(world);
  if (found !== null) faults.push(`espalier verify: ${found}`);
  console.log(
    `\n${accepted.length} jobs on ${values.stores} stores, ${values.engine} engine, in ${round} rounds under ${Math.min(round, kinds.length)} kinds of faults, seed ${values.seed}; ${checkpointed} were running with a checkpoint. ${receiver.ids.size} events. ${world.s3 ? `${world.s3.disturbed} requests to S3 were disturbed. ` : ''}${faults.length} faults.`,
  );
} catch (error) {
  faults.push(String((error as Error).stack));
} finally {
  receiver.close();
  await world.stop();
  world.remove();
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

/** The job once it has ended; null where it does not. */
async function ended(id: string): Promise<Job | null> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const job = await client.get<Job>(`/v1/jobs/${id}`).catch(() => null);
    if (job && ['succeeded', 'failed', 'cancelled'].includes(job.status)) return job;
    await pause(250);
  }
  return null;
}

function modelsOf(job: Job): string[] {
  return (job.artifacts as { role: string; sha256: string }[]).filter(({ role }) => role === 'model').map(({ sha256 }) => sha256);
}

/** Again and again while the service is away, as a client does. */
async function persistently<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (performance.now() > until) throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
      await pause(250);
    }
  }
}

async function create(body: unknown, key: string): Promise<{ id: string }> {
  const answer = await fetch(`${world.address}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  });
  if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { id: string };
}

/** Sends half of an upload and goes on no further. */
async function beginUpload(): Promise<void> {
  const file = await readFile(join(ROOT, 'examples/seed/seed.keras'));
  const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="half.keras"\r\n\r\n';
  const sending = request(`${world.address}/v1/models`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': file.length + 200 },
  });
  sending.on('error', () => undefined);
  await new Promise<void>((done) => sending.write(Buffer.concat([Buffer.from(head), file.subarray(0, file.length / 2)]), () => done()));
  await pause(500 * chance());
}

async function all(of: Client, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page: { data: Record<string, unknown>[]; next: string | null } = await of.get(
      `${path}?limit=200${after === '' ? '' : `&after=${after}`}`,
    );
    rows.push(...page.data);
    after = page.next;
  }
  return rows;
}
