/**
 * Channels of networks on Fashion-MNIST cut to half of their multiply-accumulates: the service beside Torch-Pruning, from the same dense weights, by the same
 * formulas, with as many epochs of the same optimizer. bench/peers/setup.sh torch-pruning, then node bench/pruning-vs-torch-pruning.ts
 *
 *   --network lenet_5     (55,000 images) or residual_8_16_32 (10,000)
 *   --seeds 5             dense networks, each cut by both; 3 for the residual network
 *   --criteria magnitude,taylor,fpgm
 *   --epochs 3            of fine-tuning; the dense LeNet-5 has 5, the residual network 15
 *   --images /usr/share/datasets/fashion-mnist   where Debian's dataset-fashion-mnist has them
 *   --folder data/bench/torch-pruning   dense networks and answers; a run that was interrupted goes on
 *
 * Each pair runs one after the other, and which comes first goes round. Seconds of a cut are scoring, plan and surgery: of ours the removal proof is left
 * out, which Torch-Pruning has not, and so is its own search for the ratio that meets the target, since it has none (`iterative_steps`). Latency is on one
 * thread, each as a fraction of its own dense network's. Prints Markdown.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { takeImages } from './peers/images.ts';
import { mean, median, pairedDifference, percent, points } from './peers/paired.ts';
import { Answers, answerOf, KERAS, pythonOf, ROOT } from './peers/process.ts';
import { uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    network: { type: 'string', default: 'lenet_5' },
    seeds: { type: 'string' },
    criteria: { type: 'string', default: 'magnitude,taylor,fpgm' },
    epochs: { type: 'string', default: '3' },
    images: { type: 'string', default: '/usr/share/datasets/fashion-mnist' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/torch-pruning') },
  },
});
const { network } = given;
const folder = resolve(given.folder);
const samples = network === 'lenet_5' ? 55_000 : 10_000;
const seeds = Array.from({ length: Number(given.seeds ?? (network === 'lenet_5' ? 5 : 3)) }, (_, seed) => seed);
const epochs = Number(given.epochs);
/** The residual network's normalisations have seen too little after five epochs of 79 steps: 60 to 82 % of test images were wrong. */
const DENSE_EPOCHS = network === 'lenet_5' ? 5 : 15;
const KEPT = 0.5;
const BATCHES = [1, 64] as const;

interface Cut {
  /** Test errors from 0 to 1. */
  afterCut: number;
  test: number;
  /** Fractions of the dense network's. */
  macs: number;
  parameters: number;
  seconds: number;
  /** Of the smaller network over the dense one's, by batch size. */
  latency: Record<(typeof BATCHES)[number], number>;
}

execFileSync(join(ROOT, 'bench/peers/setup.sh'), ['torch-pruning'], { stdio: 'inherit' });
mkdirSync(folder, { recursive: true });
const data = join(folder, `images_${samples}`);
takeImages(given.images, data, samples);
const answers = new Answers(join(folder, 'answers.json'));
const dense = await answers.once(`${network} dense ${seeds.length}`, () =>
  answerOf<Record<string, { test: number }>>(KERAS, 'dense.py', { network, data, epochs: DENSE_EPOCHS, seeds, out: folder }),
);

const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await uploadImages(client, data);

  const byService = async (criterion: string, seed: number): Promise<Cut> => {
    const model = await client.upload('/v1/models', { file: join(folder, `${network}_${seed}.keras`) });
    const cut = async (tuned: number) => {
      const job = await client.run({
        type: 'prune',
        seed,
        model_id: model.id,
        dataset_id: dataset.id,
        pruning: {
          criterion: { type: criterion },
          structure: { type: 'channels' },
          scope: 'global',
          target: { macs: KEPT },
          // Torch-Pruning has no such thing.
          reestimate_batch_norm: false,
        },
        evaluation: { latency_batch_size: BATCHES[1] },
        fine_tuning: { epochs: tuned, batch_size: 128, optimizer: { type: 'adam', learning_rate: 0.001 } },
      });
      return job.result as unknown as {
        cuts: { seconds: { scoring: number; plan: number; surgery: number } }[];
        receipt: {
          original: { macs: number; parameters: number };
          result: { macs: number; parameters: number; test: { error: number } };
          latency: { batch_size: number; ratio: { value: number } }[];
        };
      };
    };
    const [untuned, tuned] = [await cut(0), await cut(epochs)];
    const { original, result, latency } = tuned.receipt;
    const { scoring, plan, surgery } = tuned.cuts[0]!.seconds;
    return {
      afterCut: untuned.receipt.result.test.error,
      test: result.test.error,
      macs: result.macs / original.macs,
      parameters: result.parameters / original.parameters,
      seconds: scoring + plan + surgery,
      latency: Object.fromEntries(latency.map(({ batch_size, ratio }) => [batch_size, ratio.value])) as Cut['latency'],
    };
  };

  const byTorchPruning = async (criterion: string, seed: number): Promise<Cut> => {
    interface Answer {
      after_cut: number;
      test: number;
      macs: number;
      parameters: number;
      seconds: { cut: number };
      latency_ms: Record<'dense' | 'pruned', Record<string, number>>;
    }
    const weights = join(folder, `${network}_${seed}.npz`);
    const order = { network, data, weights, seed, criterion, macs: KEPT, epochs };
    const answer = await answerOf<Answer>(pythonOf('torch-pruning'), 'torch_prune.py', order);
    return {
      afterCut: answer.after_cut,
      test: answer.test,
      macs: answer.macs,
      parameters: answer.parameters,
      seconds: answer.seconds.cut,
      latency: Object.fromEntries(
        BATCHES.map((batch) => [batch, answer.latency_ms.pruned[batch]! / answer.latency_ms.dense[batch]!]),
      ) as Cut['latency'],
    };
  };

  const rows = [];
  for (const criterion of given.criteria.split(',')) {
    const [ours, theirs]: [Cut[], Cut[]] = [[], []];
    for (const seed of seeds) {
      const key = `${network} ${criterion} ${epochs} ${seed}`;
      const we = async () => ours.push(await answers.once(`espalier ${key}`, () => byService(criterion, seed)));
      const they = async () => theirs.push(await answers.once(`torch-pruning ${key}`, () => byTorchPruning(criterion, seed)));
      for (const turn of seed % 2 === 0 ? [we, they] : [they, we]) await turn();
    }
    rows.push({ criterion, ours, theirs });
  }

  console.log(
    `${network} on Fashion-MNIST, ${samples} images, ${seeds.length} seeds, ${epochs} epochs of fine-tuning; dense test error ${seeds.map((seed) => percent(dense[seed]!.test)).join(' ')} %. Ours / theirs.\n`,
  );
  console.log(
    '| criterion | error after the cut % | error % | ours - theirs, points | MACs kept % | parameters kept % | seconds of the cut | latency, batch 1 | latency, batch 64 |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { criterion, ours, theirs } of rows) {
    const of = (value: (cut: Cut) => number) => [ours.map(value), theirs.map(value)] as const;
    const means = (value: (cut: Cut) => number): string =>
      of(value)
        .map((values) => percent(mean(values)))
        .join(' / ');
    const medians = (value: (cut: Cut) => number): string =>
      of(value)
        .map((values) => median(values).toFixed(2))
        .join(' / ');
    const difference = points(pairedDifference(...of(({ test }) => test)));
    console.log(
      `| ${criterion} | ${means((cut) => cut.afterCut)} | ${means((cut) => cut.test)} | ${difference} | ${means((cut) => cut.macs)} | ${means((cut) => cut.parameters)} | ${medians((cut) => cut.seconds)} | ${medians((cut) => cut.latency[1])} | ${medians((cut) => cut.latency[64])} |`,
    );
  }
} finally {
  await service.stop();
}
