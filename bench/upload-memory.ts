/**
 * Peak memory of the server during uploads of 200 MiB: node bench/upload-memory.ts
 *
 * Starts a service of its own, reads the server process's peak resident size before and after each upload (VmHWM of /proc/PID/status), and prints a table.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDocument } from '../src/model/document.ts';
import { writeKeras } from '../src/model/formats/keras.ts';
import { generator } from '../src/random.ts';
import { startService } from './service.ts';

const MIB = 2 ** 20;
const SIZE = 200 * MIB;
const service = await startService();
const { client, folder } = service;
const server = await service.part('espalier serve');

async function memory(field: 'VmHWM' | 'VmRSS'): Promise<number> {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(await readFile(`/proc/${server}/status`, 'utf8'))![1]) / 1024;
}

try {
  const idx = join(folder, 'x.idx');
  const labels = join(folder, 'y.idx');
  const images = Math.floor(SIZE / 784);
  const header = Buffer.from([0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28]);
  header.writeUInt32BE(images, 4);
  await writeFile(idx, Buffer.concat([header, Buffer.alloc(images * 784, 7)]));
  const labelHeader = Buffer.from([0, 0, 8, 1, 0, 0, 0, 0]);
  labelHeader.writeUInt32BE(images, 4);
  await writeFile(labels, Buffer.concat([labelHeader, Buffer.from(Array.from({ length: images }, (_, index) => index % 10))]));
  const model = join(folder, 'large.keras');
  await writeFile(model, await largeModel());

  console.log('upload                     MiB   RSS before   peak during   growth (MiB)');
  for (const [name, path, files] of [
    ['data set (IDX)', '/v1/datasets', { x: idx, y: labels }],
    ['model (.keras)', '/v1/models', { file: model }],
  ] as const) {
    // A first, small upload loads what every upload needs.
    await client.upload('/v1/models', { file: 'examples/seed/seed.keras' });
    await writeFile(`/proc/${server}/clear_refs`, '5');
    const before = await memory('VmRSS');
    await client.upload(path, files);
    const peak = await memory('VmHWM');
    const size =
      (await Promise.all(Object.values(files).map((file) => readFile(file)))).reduce((sum, bytes) => sum + bytes.length, 0) / MIB;
    console.log(
      `${name.padEnd(22)} ${size.toFixed(0).padStart(7)} ${before.toFixed(0).padStart(12)} ${peak.toFixed(0).padStart(13)} ${(peak - before).toFixed(0).padStart(14)}`,
    );
  }
} finally {
  await service.stop();
}

/** One dense layer of 200 MiB of random weights, which do not deflate. */
async function largeModel(): Promise<Buffer> {
  const inputs = 4096;
  const units = Math.floor(SIZE / 4 / inputs);
  const random = generator(0, 'large model');
  const data = Float32Array.from({ length: inputs * units }, () => random.uniform());
  const config = {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name: 'large',
      layers: [
        { module: 'keras.layers', class_name: 'InputLayer', config: { name: 'input', batch_shape: [null, inputs], dtype: 'float32' } },
        { module: 'keras.layers', class_name: 'Dense', config: { name: 'dense', units, use_bias: false, activation: 'linear' } },
      ],
    },
  };
  const weights = new Map([['dense/kernel', { shape: [inputs, units], data }]]);
  return writeKeras(makeDocument({ config, metadata: { keras_version: '3.15.1' }, weights, extras: [] }));
}
