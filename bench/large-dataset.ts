/**
 * Training on a data set larger than the memory that may hold it: node bench/large-dataset.ts [GiB, 3 unless said otherwise] [steps, 2000]
 *
 * Starts a service of its own, uploads a synthetic npz (uint8 images of 32 × 32 × 3, 10 classes) and a part of it that is held in memory, and trains the same
 * small network on each for the same number of steps, in turn, twice. Before each run the system forgets what it has cached of the stored samples. Prints
 * samples per second between the first and the last progress that was seen, and the highest sampled resident size of the worker: its supervisor and all of
 * its engines together. Where several processes share a page it counts in each.
 */
import { execFileSync } from 'node:child_process';
import { createWriteStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import type { Client } from '../examples/client.ts';
import { makeDocument } from '../src/model/document.ts';
import { writeKeras } from '../src/model/formats/keras.ts';
import { generator } from '../src/random.ts';
import { startService } from './service.ts';

const GIB = 2 ** 30;
const SAMPLE_BYTES = 32 * 32 * 3;
const CLASSES = 10;
const BATCH_SIZE = 128;
const HELD_SAMPLES = 60_000;
const ROUNDS = 2;
const SAMPLED_EVERY_MS = 100;

const samples = Math.ceil((Number(process.argv[2] ?? 3) * GIB) / SAMPLE_BYTES);
const steps = Number(process.argv[3] ?? 2000);
const service = await startService({ ESPALIER_MAX_UPLOAD_BYTES: String(8 * GIB) });
const { client, folder, data } = service;
const pids = { serve: await service.part('espalier serve'), work: await service.part('espalier work') };

try {
  const model = join(folder, 'small.keras');
  await writeFile(model, await smallNetwork());
  const { id: modelId } = await client.upload('/v1/models', { file: model });

  const uploaded: Record<string, string> = {};
  for (const [name, count] of [
    ['streamed', samples],
    ['in memory', Math.min(HELD_SAMPLES, samples)],
  ] as const) {
    const file = join(folder, 'data.npz');
    await writeNpz(file, count);
    const began = performance.now();
    const peak = await sampled(pids.serve, async () => {
      // 2000 samples each: what is measured is training.
      const { id } = await client.upload('/v1/datasets', { file }, { split: '{"selection": 2000, "test": 2000}' });
      uploaded[name] = id;
    });
    const seconds = (performance.now() - began) / 1000;
    const gib = statSync(file).size / GIB;
    console.log(
      `Uploaded ${gib.toFixed(2)} GiB in ${seconds.toFixed(0)} s; the server and its reader took ${peak.mib.toFixed(0)} MiB at most`,
    );
    await rm(file);
  }

  console.log('\nrun   data         GiB   samples/s   peak of worker (MiB)   of its largest process   loss of the test split');
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const [name, id] of Object.entries(uploaded)) {
      forgetCached(join(data, 'blobs', 'datasets', id, 'x'));
      const seen: { step: number; at: number }[] = [];
      let loss = Number.NaN;
      const count = name === 'streamed' ? samples : Math.min(HELD_SAMPLES, samples);
      const epochs = Math.ceil((steps * BATCH_SIZE) / (count - 4000));
      const peak = await sampled(pids.work, async () => {
        const { id: jobId } = await client.post('/v1/jobs', {
          type: 'train',
          model_id: modelId,
          dataset_id: id,
          training: { epochs, max_steps: steps, batch_size: BATCH_SIZE, optimizer: { type: 'adam' } },
          evaluation: { latency_batch_size: 1 },
        });
        for (;;) {
          const job = await client.get<Awaited<ReturnType<Client['run']>>>(`/v1/jobs/${jobId}`);
          const step = job.progress?.phase === 'training' ? job.progress.step : 0;
          if (step > (seen.at(-1)?.step ?? 0)) seen.push({ step, at: performance.now() });
          if (['failed', 'cancelled'].includes(job.status))
            throw new Error(`The job ${job.status}: ${job.error?.code} ${job.error?.detail}`);
          if (job.status === 'succeeded') {
            const { receipt } = job.result as { receipt: { result?: { test?: { loss?: { value?: number } } } } };
            loss = receipt.result?.test?.loss?.value ?? Number.NaN;
            break;
          }
          await new Promise((resolve) => setTimeout(resolve, SAMPLED_EVERY_MS));
        }
      });
      const [first, last] = [seen[0]!, seen.at(-1)!];
      const rate = ((last.step - first.step) * BATCH_SIZE) / ((last.at - first.at) / 1000);
      const columns = [
        String(round).padEnd(5),
        name.padEnd(10),
        ((count * SAMPLE_BYTES) / GIB).toFixed(2).padStart(6),
        rate.toFixed(0).padStart(11),
        peak.mib.toFixed(0).padStart(22),
        peak.largestMib.toFixed(0).padStart(24),
        loss.toFixed(4).padStart(24),
      ];
      console.log(columns.join(' '));
    }
  }
} finally {
  await service.stop();
}

/** Images of noise around a pattern of their class, classes in a drawn order. */
async function writeNpz(path: string, count: number): Promise<void> {
  const random = generator(0, 'large data set');
  const noise = Uint8Array.from({ length: 2 ** 24 }, () => random.int(200));
  const patterns = Array.from({ length: CLASSES }, () => Uint8Array.from({ length: SAMPLE_BYTES }, () => random.int(56)));
  const labels = Uint8Array.from({ length: count }, () => random.int(CLASSES));
  function* images() {
    yield npyHeader('|u1', [count, 32, 32, 3]);
    for (const label of labels) {
      const start = random.int(noise.length - SAMPLE_BYTES);
      const pattern = patterns[label]!;
      const image = Buffer.alloc(SAMPLE_BYTES);
      for (let index = 0; index < SAMPLE_BYTES; index += 1) image[index] = noise[start + index]! + pattern[index]!;
      yield image;
    }
  }
  const zip = new ZipFile();
  zip.addReadStream(Readable.from(images()), 'x.npy', { compress: false });
  zip.addBuffer(Buffer.concat([npyHeader('|u1', [count]), labels]), 'y.npy', { compress: false });
  zip.end();
  const file = createWriteStream(path);
  zip.outputStream.pipe(file);
  await finished(file);
}

function npyHeader(descr: string, shape: number[]): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = Buffer.alloc(128, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(128 - 10, 8);
  header.write(text, 10);
  header.write('\n', 127);
  return header;
}

async function smallNetwork(): Promise<Buffer> {
  const layer = (class_name: string, config: Record<string, unknown>) => ({ module: 'keras.layers', class_name, config });
  const config = {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name: 'small',
      layers: [
        layer('InputLayer', { name: 'input', batch_shape: [null, 32, 32, 3], dtype: 'float32' }),
        layer('Conv2D', { name: 'conv', filters: 16, kernel_size: [3, 3], strides: [2, 2], padding: 'same', activation: 'relu' }),
        layer('Flatten', { name: 'flat' }),
        layer('Dense', { name: 'classes', units: CLASSES, activation: 'softmax' }),
      ],
    },
  };
  const { normal } = generator(0, 'small network');
  const drawn = (shape: number[], deviation: number) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return { shape, data: Float32Array.from({ length: size }, () => deviation * normal()) };
  };
  const weights = new Map([
    ['conv/kernel', drawn([3, 3, 3, 16], 0.2)],
    ['conv/bias', drawn([16], 0)],
    ['classes/kernel', drawn([16 * 16 * 16, CLASSES], 0.01)],
    ['classes/bias', drawn([CLASSES], 0)],
  ]);
  return writeKeras(makeDocument({ config, metadata: { keras_version: '3.15.1' }, weights, extras: [] }));
}

/** The highest resident size, while something runs, of a process with all of its descendants, and of the largest one of them. */
async function sampled(pid: number, work: () => Promise<void>): Promise<{ mib: number; largestMib: number }> {
  const peak = { mib: 0, largestMib: 0 };
  const timer = setInterval(() => {
    const sizes = familyOf(pid).map(residentMib);
    peak.mib = Math.max(
      peak.mib,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    peak.largestMib = Math.max(peak.largestMib, ...sizes);
  }, SAMPLED_EVERY_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak;
}

function familyOf(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(familyOf)];
  } catch {
    // It has ended since it was listed.
    return [];
  }
}

function residentMib(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Has the system drop a file's pages from its cache. */
function forgetCached(path: string): void {
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}
