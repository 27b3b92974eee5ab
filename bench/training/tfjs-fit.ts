/** A workload trained by tfjs-layers' `fit` through the same native binding, without clipping, which tfjs has none of: node bench/training/tfjs-fit.ts <order>. */
import { readFileSync } from 'node:fs';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-node-gpu';
import { requireNativeTensorFlow, tf, warmUp } from '../../src/engine/tensorflow.ts';
import type { Measured, Order } from './workloads.ts';

const order = JSON.parse(process.argv[2]!) as Order;
requireNativeTensorFlow('cpu');
warmUp();

const { layers } = tf;
const NETWORKS: Record<string, () => LayersModel> = {
  lenet_300_100: () =>
    tf.sequential({
      layers: [
        layers.flatten({ inputShape: order.shape }),
        layers.dense({ units: 300, activation: 'relu' }),
        layers.dense({ units: 100, activation: 'relu' }),
        layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  lenet_5: () =>
    tf.sequential({
      layers: [
        layers.conv2d({ inputShape: order.shape, filters: 20, kernelSize: 5, activation: 'relu' }),
        layers.maxPooling2d({}),
        layers.conv2d({ filters: 50, kernelSize: 5, activation: 'relu' }),
        layers.maxPooling2d({}),
        layers.flatten(),
        layers.dense({ units: 500, activation: 'relu' }),
        layers.dense({ units: 10, activation: 'softmax' }),
      ],
    }),
  residual,
  lstm: () =>
    tf.sequential({
      layers: [layers.lstm({ inputShape: order.shape, units: 64 }), layers.dense({ units: 10, activation: 'softmax' })],
    }),
  tiny: () => tf.sequential({ layers: [layers.dense({ inputShape: order.shape, units: 2, activation: 'softmax' })] }),
};

function residual(): LayersModel {
  const apply = (layer: { apply(x: SymbolicTensor | SymbolicTensor[]): unknown }, x: SymbolicTensor | SymbolicTensor[]) =>
    layer.apply(x) as SymbolicTensor;
  const convolved = (x: SymbolicTensor, filters: number, kernelSize: number, strides: number) =>
    apply(
      layers.batchNormalization(),
      apply(layers.conv2d({ filters, kernelSize, strides, padding: kernelSize === 1 ? 'valid' : 'same', useBias: false }), x),
    );
  const input = tf.input({ shape: order.shape });
  let x = apply(layers.reLU(), convolved(input, 16, 3, 1));
  for (const filters of [16, 32, 64]) {
    for (const block of [0, 1]) {
      const strides = filters > 16 && block === 0 ? 2 : 1;
      const y = convolved(apply(layers.reLU(), convolved(x, filters, 3, strides)), filters, 3, 1);
      const shortcut = strides === 2 ? convolved(x, filters, 1, 2) : x;
      x = apply(layers.reLU(), apply(layers.add(), [shortcut, y]));
    }
  }
  const pooled = apply(layers.globalAveragePooling2d({}), x);
  return tf.model({ inputs: input, outputs: apply(layers.dense({ units: 10, activation: 'softmax' }), pooled) });
}

const model = NETWORKS[order.network]!();
model.compile({ optimizer: tf.train.adam(1e-3), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
const bytes = readFileSync(order.files.x);
const x = tf.tensor(
  Float32Array.from(bytes, (byte) => byte / 255),
  [order.samples, ...order.shape],
);
const y = tf.tensor1d(Float32Array.from(readFileSync(order.files.y)));

const options = { batchSize: order.batch, shuffle: true, verbose: 0, yieldEvery: 'never' } as const;
const began = performance.now();
await model.fit(x.slice(0, order.batch), y.slice(0, order.batch), { ...options, epochs: 1 });
const firstStepMs = performance.now() - began;
let from = { wall: 0, cpu: process.cpuUsage() };
const history = await model.fit(x, y, {
  ...options,
  epochs: 1 + order.epochs,
  callbacks: {
    onEpochEnd: (epoch) => {
      if (epoch === 0) from = { wall: performance.now(), cpu: process.cpuUsage() };
    },
  },
});
const steps = (order.samples / order.batch) * order.epochs;
const { user, system } = process.cpuUsage(from.cpu);
const measured: Measured = {
  first_step_ms: firstStepMs,
  wall_ms: (performance.now() - from.wall) / steps,
  cpu_ms: (user + system) / 1000 / steps,
  loss: history.history.loss!.at(-1) as number,
};
console.log(JSON.stringify(measured));
