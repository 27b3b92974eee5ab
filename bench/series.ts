/**
 * The series of a job of a million steps, written and read by the service's own code: node bench/series.ts [steps]
 *
 * A reporter's frames are cloned as the IPC channel clones them, checked, and recorded as a worker records them, with what waits stored every 2,000
 * steps: what a job of 1 ms a step does every 2 s. Every 1,000 steps there is an evaluation, every 100 norms of eight weights. Then a fresh process
 * answers requests over the ledger and the blobs. Prints a table; memory is by how much the process grew at most.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openBlobs } from '../src/blobs/open.ts';
import { Reporter } from '../src/engine/reporter.ts';
import { buildApp } from '../src/http/app.ts';
import { openImpatientRedis } from '../src/jobs/redis.ts';
import { networksOf } from '../src/jobs/webhooks/networks.ts';
import { secretBox } from '../src/jobs/webhooks/secret-box.ts';
import { webhookSecrets } from '../src/jobs/webhooks/secrets.ts';
import { openLedger } from '../src/ledger/open.ts';
import { openMetrics } from '../src/metrics/registry.ts';
import { NO_TRACING } from '../src/tracing/tracing.ts';
import { buildDataset, convertModel, inspectModel, measureSavings, packModel } from '../src/upload/inspect.ts';
import { readEngineFrame } from '../src/worker/frames.ts';
import { openRecords } from '../src/worker/records.ts';
import { claimOf, datasetSample, jobSample, modelSample } from '../test/ledger/samples.ts';

const RUNS = 15;
const log = pino({ level: 'silent' });

async function open(folder: string) {
  const ledger = await openLedger({ database: { kind: 'sqlite', path: join(folder, 'ledger.db') } });
  return { ledger, blobs: await openBlobs({ blobsFolder: join(folder, 'blobs') }) };
}

async function write(folder: string, steps: number): Promise<string> {
  const { ledger, blobs } = await open(folder);
  await ledger.migrate();
  const [model, dataset] = [modelSample({ tenant: 'default' }), datasetSample({ tenant: 'default' })];
  await ledger.insertModel(model);
  await ledger.insertDataset(dataset);
  const job = jobSample(model, dataset, { tenant: 'default' });
  const { id } = job;
  await ledger.insertJob(job);
  await ledger.claimJob(claimOf(id, 1));
  await ledger.markStarted(id, 1, null);
  const fail = (loss: unknown) => {
    throw new Error(`The series was not recorded: ${JSON.stringify(loss)}`);
  };
  const records = openRecords({ ledger, blobs, log, jobId: id, attempt: 1, folder, onLoss: fail });
  let frames = 0;
  const reporter = new Reporter((frame) => {
    const started = performance.now();
    const arrived = readEngineFrame(structuredClone(frame));
    if (arrived.kind === 'series') records.series(arrived.chunks);
    frames += performance.now() - started;
  }, steps);
  const keys = Array.from({ length: 8 }, (_, layer) => `dense_${layer}/kernel`);
  reporter.declareLayers(keys);
  const norms = {
    gradient_norm: new Float32Array(8),
    clipped_norm: new Float32Array(8),
    weight_norm: new Float32Array(8),
    update_ratio: new Float32Array(8),
  };
  const measures = {
    loss: 0,
    learning_rate: 0,
    gradient_norm: 0,
    clipped_norm: 0,
    clipping_threshold: 1,
    clipped: 0,
    update_ratio: 0,
    skipped_steps: 0,
    non_finite: 0,
  };
  const noise = seededNoise();
  let reporting = 0;
  const before = process.resourceUsage().maxRSS;
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (let begin = 0; begin < steps; begin += 2_000) {
    const end = Math.min(steps, begin + 2_000);
    const framesBefore = frames;
    const started = performance.now();
    for (let step = begin + 1; step <= end; step++) {
      measures.loss = Math.fround(2 * Math.exp(-step / steps) + 0.2 * noise());
      measures.learning_rate = 0.001 * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps));
      measures.gradient_norm = Math.fround(0.5 + noise());
      measures.clipped_norm = Math.min(1, measures.gradient_norm);
      measures.clipped = measures.gradient_norm > 1 ? 1 : 0;
      measures.update_ratio = Math.fround(0.001 * (1 + noise()));
      reporter.step(step, measures);
      reporter.stepped(step, 1);
      if (step % 100 === 0) {
        for (const values of Object.values(norms)) for (let layer = 0; layer < 8; layer++) values[layer] = noise();
        reporter.layers(step, norms);
      }
      if (step % 1_000 === 0) reporter.row('epoch', step, { epoch: step / 1_000, val_loss: noise(), val_accuracy: noise() });
    }
    reporter.flush();
    reporting += performance.now() - started - (frames - framesBefore);
    records.flush();
    await records.written();
  }
  records.settle();
  await records.written();
  const total = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const segments = await ledger.listSegments(id);
  const bytes = segments.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  const each = (ms: number) => `${((1_000 * ms) / steps).toFixed(2)} µs`;
  console.log(`${steps} steps`);
  line('a step in the training loop', each(reporting));
  line('a step on its way, cloned and checked', each(frames));
  line('a step stored, in the worker', `${each(total - reporting - frames)}, mostly waiting for the disk`);
  line('all of it, CPU', each((user + system) / 1_000));
  line('the writing process grew', `${((process.resourceUsage().maxRSS - before) / 1_024).toFixed(0)} MiB`);
  line('bytes stored a step', (bytes / steps).toFixed(1));
  line('segments', `${segments.length}`);
  await ledger.close();
  return id;
}

/** A request of a fresh process: the first, the median and the fastest of fifteen, and how far the process grew. */
async function read(folder: string, name: string, path: string): Promise<void> {
  const { ledger, blobs } = await open(folder);
  const redis = openImpatientRedis(join(folder, 'no-redis.sock'), log);
  let files = 0;
  const app = await buildApp({
    ledger,
    blobs: {
      ...blobs,
      read: (key, range) => {
        files++;
        return blobs.read(key, range);
      },
    },
    redis,
    log,
    metrics: openMetrics('server'),
    tracing: NO_TRACING,
    board: false,
    keys: null,
    nudge: () => {},
    webhooks: {
      secrets: webhookSecrets(ledger, async () => secretBox([Buffer.alloc(32)])),
      networks: networksOf([]),
      nudge: () => {},
    },
    inspectModel,
    buildDataset,
    convertModel,
    measureSavings,
    packModel,
    limits: {
      maxUploadBytes: 1,
      uploadsAtOnce: 1,
      followersAtOnce: 8,
      tenantRunningLimit: 1,
      maxResumableBytes: 20 * 2 ** 20,
      uploadsKeptMs: 60_000,
      requestsPerMinute: { key: null, tenant: null },
    },
  });
  await app.ready();
  const before = process.resourceUsage().maxRSS;
  const times: number[] = [];
  let answer = 0;
  let cpu = process.cpuUsage();
  for (let run = 0; run < RUNS; run++) {
    // The first compiles.
    if (run === 1) cpu = process.cpuUsage();
    const started = performance.now();
    const { statusCode, body } = await app.inject({ path, headers: { host: '127.0.0.1' } });
    times.push(performance.now() - started);
    if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}: ${body}`);
    answer = body.length;
  }
  const grown = (process.resourceUsage().maxRSS - before) / 1_024;
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = (user + system) / 1_000 / (RUNS - 1);
  const sorted = times.toSorted((a, b) => a - b);
  line(
    name,
    `${sorted[Math.floor(RUNS / 2)]!.toFixed(1)} ms (first ${times[0]!.toFixed(1)}, fastest ${sorted[0]!.toFixed(1)}, CPU ${cpuMs.toFixed(1)}), ${files / RUNS} files read, ${(answer / 1_024).toFixed(0)} KiB, grew ${grown.toFixed(0)} MiB`,
  );
  await app.close();
  redis.disconnect();
  await ledger.close();
}

function line(name: string, value: string): void {
  console.log(`${name.padEnd(48)} ${value}`);
}

/** Uniform in [0, 1), the same in every run. */
function seededNoise(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const [, , first = '1000000', ...rest] = process.argv;
if (first === 'read') {
  const [folder, name, path] = rest as [string, string, string];
  await read(folder, name, path);
} else {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-bench-'));
  try {
    const steps = Number(first);
    const id = await write(folder, steps);
    // Rows count over all series: eleven in a thousand are of others.
    const end = steps + steps / 100 + steps / 1_000 - 12;
    for (const [name, query] of [
      ['a poll at the end, 11 rows', `after=1.${end}`],
      ['a page in the middle, 1,000 rows', `series=step&after=1.${Math.floor(end / 2)}`],
      ['the evaluations, 1,000 rows', 'series=epoch'],
      ['points=1000 of all columns', 'points=1000'],
      ['points=1000 of the loss', 'points=1000&columns=loss'],
      ['points=10000 of the loss', 'points=10000&columns=loss'],
      ['points=1000 of a tenth, of all columns', `points=1000&from_step=${steps / 2}&to_step=${0.6 * steps}`],
      ['points=100 of the weights’ norms', 'points=100&series=layer'],
    ] as const) {
      const child = fork(new URL(import.meta.url), ['read', folder, name, `/v1/jobs/${id}/metrics?${query}`], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
      });
      await once(child, 'exit');
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
