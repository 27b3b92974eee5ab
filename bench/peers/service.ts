/** What the pruning benchmarks ask of the service. */
import { join } from 'node:path';
import type { Client, Job, Resource } from '../../examples/client.ts';

/** Uploads an MNIST-like folder of IDX files: its last 5,000 training images are the selection split, and `samples` of the others are trained on. */
export function uploadImages(client: Client, folder: string): Promise<Resource> {
  return client.upload(
    '/v1/datasets',
    {
      x: join(folder, 'train-images-idx3-ubyte'),
      y: join(folder, 'train-labels-idx1-ubyte'),
      x_test: join(folder, 't10k-images-idx3-ubyte'),
      y_test: join(folder, 't10k-labels-idx1-ubyte'),
    },
    { split: JSON.stringify({ selection: 5000, shuffle: false }), scale: 'unit' },
  );
}

/** Seconds from the job's first step to its last. */
export function secondsOf(job: Job): number {
  return (Date.parse(String(job.finished_at)) - Date.parse(String(job.started_at))) / 1000;
}
