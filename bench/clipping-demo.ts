/**
 * Whether clipping helps a recurrent network on the adding problem at a high learning rate, and which threshold, as one `compare` job: the clipping
 * demonstration of `examples/clipping`. node bench/clipping-demo.ts [updates] [seeds] [learning rate]: 2000, 5 and 0.15 unless said otherwise.
 *
 * T = 30, SimpleRNN(32) and Dense(1), mean squared error, SGD, batch 64. Every arm begins with the same weights; a seed is an order of the data. A run is
 * finite where no gradient was NaN or infinite, and has learned where its error on the selection split is below that of predicting the mean (1/6).
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAddingProblem } from '../examples/clipping/adding-problem.ts';
import { compare, printComparison, reportPath } from './peers/comparison.ts';
import { startService } from './service.ts';

const [updates = 2_000, seeds = 5, rate = 0.15] = process.argv.slice(2).map(Number);
const THRESHOLDS = [0.1, 1, 10];

await mkdir('out', { recursive: true });
const service = await startService({ ESPALIER_DEVICE: 'cpu' });
try {
  const { client } = service;
  const data = join(service.folder, 'adding.npz');
  await writeAddingProblem(data, { steps: 30, train: 20_000, test: 2_000 });
  const dataset = await client.upload('/v1/datasets', { file: data }, { split: JSON.stringify({ selection: 0.05 }) });
  const model = await client.upload('/v1/models', { file: 'examples/clipping/adding_0.keras' });
  const result = await compare(
    service,
    {
      type: 'compare',
      model_id: model.id,
      dataset_id: dataset.id,
      seeds: Array.from({ length: seeds }, (_, seed) => seed),
      candidates: THRESHOLDS.map((max_norm) => ({
        type: 'train',
        name: `global-norm-${max_norm}`,
        clipping: { type: 'global_norm', max_norm },
      })),
      training: {
        epochs: Math.ceil(updates / 297),
        max_steps: updates,
        batch_size: 64,
        loss: 'mean_squared_error',
        optimizer: { type: 'sgd', learning_rate: rate },
      },
    },
    reportPath('clipping-demo'),
  );
  console.log(`\nThe adding problem, ${updates} updates at a rate of ${rate}, ${seeds} seeds; mean squared errors\n`);
  printComparison(result);
  const { helps, best, tied } = result.clipping!;
  console.log(
    `\nDoes clipping help: ${helps}; best ${best}${tied.length > 0 ? `, not told from ${tied.join(', ')}` : ''}; ${result.seconds.toFixed(0)} s`,
  );
} finally {
  await service.stop();
}
