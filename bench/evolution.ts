/**
 * Channels of a residual network on Fashion-MNIST cut to half of their multiply-accumulates: shared out by one global threshold, and as an evolutionary search
 * finds, from the same dense weights, with as many epochs of the same optimizer behind the cut. node bench/evolution.ts
 *
 *   --seeds 3             dense networks, each cut both ways
 *   --criteria magnitude,taylor
 *   --epochs 3            of fine-tuning; the dense networks have 15
 *   --population 16 --generations 8   of the search
 *   --images /usr/share/datasets/fashion-mnist   where Debian's dataset-fashion-mnist has them
 *   --folder data/bench/evolution   dense networks and answers; a run that was interrupted goes on
 *
 * The network is the one of bench/pruning-vs-torch-pruning.ts, with 10,000 training and 5,000 selection images. The search looks at the selection split, and so
 * does the choice of the best epoch, of both; the errors are on the 10,000 test images. Prints Markdown.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { takeImages } from './peers/images.ts';
import { mean, median, pairedDifference, percent, points } from './peers/paired.ts';
import { Answers, answerOf, KERAS, ROOT } from './peers/process.ts';
import { uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    criteria: { type: 'string', default: 'magnitude,taylor' },
    epochs: { type: 'string', default: '3' },
    population: { type: 'string', default: '16' },
    generations: { type: 'string', default: '8' },
    images: { type: 'string', default: '/usr/share/datasets/fashion-mnist' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/evolution') },
  },
});
const NETWORK = 'residual_8_16_32';
const SAMPLES = 10_000;
/** As in bench/pruning-vs-torch-pruning.ts. */
const DENSE_EPOCHS = 15;
const KEPT = 0.5;
const folder = resolve(given.folder);
const seeds = Array.from({ length: Number(given.seeds) }, (_, seed) => seed);
const epochs = Number(given.epochs);
const search = { type: 'evolution', population: Number(given.population), generations: Number(given.generations) };

interface Cut {
  /** Test error from 0 to 1. */
  test: number;
  /** Fractions of the dense network's. */
  macs: number;
  parameters: number;
  /** From the first pass over calibration samples to the end of the cut. */
  seconds: number;
  /** Mean loss on the selection split before fine-tuning, with normalisations estimated anew: of the best cut and of one threshold's; null without a search. */
  fitness: { best: number; global_threshold: number } | null;
}

mkdirSync(folder, { recursive: true });
const data = join(folder, `images_${SAMPLES}`);
takeImages(given.images, data, SAMPLES);
const answers = new Answers(join(folder, 'answers.json'));
const dense = await answers.once(`dense ${seeds.length}`, () =>
  answerOf<Record<string, { test: number }>>(KERAS, 'dense.py', { network: NETWORK, data, epochs: DENSE_EPOCHS, seeds, out: folder }),
);

const service = await useService();
try {
  const client = new Client(service.address);
  const dataset = await uploadImages(client, data);

  const cut = async (criterion: string, seed: number, searched: boolean): Promise<Cut> => {
    const model = await client.upload('/v1/models', { file: join(folder, `${NETWORK}_${seed}.keras`) });
    const job = await client.run({
      type: 'prune',
      seed,
      model_id: model.id,
      dataset_id: dataset.id,
      pruning: {
        criterion: { type: criterion },
        structure: { type: 'channels' },
        scope: 'global',
        target: { macs: KEPT, ...(searched ? { search: { ...search, seed } } : {}) },
      },
      fine_tuning: { epochs, batch_size: 128, optimizer: { type: 'adam', learning_rate: 0.001 } },
    });
    const { receipt, seconds, target } = job.result as unknown as {
      receipt: {
        original: { macs: number; parameters: number };
        result: { macs: number; parameters: number; test: { error: number } };
      };
      seconds: Record<string, number>;
      target: { search?: { fitness: { best: number; global_threshold: number } } };
    };
    const { original, result } = receipt;
    return {
      test: result.test.error,
      macs: result.macs / original.macs,
      parameters: result.parameters / original.parameters,
      seconds: (seconds.scoring ?? 0) + (seconds.pruning ?? 0),
      fitness: target.search?.fitness ?? null,
    };
  };

  const rows = [];
  for (const criterion of given.criteria.split(',')) {
    const [plain, evolved]: [Cut[], Cut[]] = [[], []];
    const { population, generations } = search;
    for (const seed of seeds) {
      plain.push(await answers.once(`plain ${criterion} ${epochs} ${seed}`, () => cut(criterion, seed, false)));
      const key = `evolution ${population} ${generations} ${criterion} ${epochs} ${seed}`;
      evolved.push(await answers.once(key, () => cut(criterion, seed, true)));
    }
    rows.push({ criterion, plain, evolved });
  }

  console.log(
    `${NETWORK} on Fashion-MNIST, ${SAMPLES} images, ${seeds.length} seeds, ${epochs} epochs of fine-tuning; dense test error ${seeds.map((seed) => percent(dense[seed]!.test)).join(' ')} %. One threshold / evolution.\n`,
  );
  console.log(
    '| criterion | loss before fine-tuning | error % | evolution - threshold, points | MACs kept % | parameters kept % | seconds of the cut |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { criterion, plain, evolved } of rows) {
    const both = (value: (cut: Cut) => number, shown: (values: number[]) => string): string =>
      [plain, evolved].map((cuts) => shown(cuts.map(value))).join(' / ');
    const means = (value: (cut: Cut) => number): string => both(value, (values) => percent(mean(values)));
    const losses = (['global_threshold', 'best'] as const).map((of) => mean(evolved.map(({ fitness }) => fitness![of])).toFixed(3));
    const difference = points(pairedDifference(...([evolved, plain].map((cuts) => cuts.map(({ test }) => test)) as [number[], number[]])));
    console.log(
      `| ${criterion} | ${losses.join(' / ')} | ${means((cut) => cut.test)} | ${difference} | ${means((cut) => cut.macs)} | ${means((cut) => cut.parameters)} | ${both(
        (cut) => cut.seconds,
        (values) => median(values).toFixed(0),
      )} |`,
    );
  }
} finally {
  await service.stop();
}
