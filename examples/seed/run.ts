/**
 * The seed's example over HTTP: a 20-10-10-1 network, mean squared error, Adam, gradients clipped to a global norm of 1, then half of the weights pruned
 * by the importance their loss gradients show. node examples/seed/run.ts
 */
import { join } from 'node:path';
import { Client } from '../client.ts';
import { useService } from '../service.ts';
import { progressOf, receiptTable, timed } from '../terminal.ts';
import { PRUNE, TRAIN } from './recipes.ts';

const HERE = import.meta.dirname;
const service = await timed('Starting the service', useService);
try {
  const client = new Client(service.address);
  const dataset = await client.upload(
    '/v1/datasets',
    { file: join(HERE, 'data.npz') },
    { split: JSON.stringify({ selection: 0.1, test: 0.1 }) },
  );
  const model = await client.upload('/v1/models', { file: join(HERE, 'seed.keras') });
  const training = progressOf('Training with gradient clipping');
  const trained = await client.run({ ...TRAIN, model_id: model.id, dataset_id: dataset.id }, training.watch);
  training.done();
  const pruning = progressOf('Pruning by loss-gradient importance');
  const pruned = await client.run({ ...PRUNE, model_id: trained.result!.model_id, dataset_id: dataset.id }, pruning.watch);
  pruning.done();
  console.log(`\n${receiptTable(pruned.result!)}\n`);
} finally {
  await service.stop();
}
