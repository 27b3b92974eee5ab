/** What the engine's tests share: tensors' numbers, gradients of a graph, and whether anything is left behind. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import { clippingRule } from '../../src/clipping/index.ts';
import { lossOf, type ResolvedLoss } from '../../src/engine/losses.ts';
import { forward } from '../../src/engine/network.ts';
import { optimizerRule, resolved } from '../../src/engine/optimizers/index.ts';
import { EagerStep, type StepPosition, type StepReport } from '../../src/engine/step.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { Clipping, Optimizer } from '../../src/jobs/spec/index.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { weightKey } from '../../src/model/graph.ts';
import { generator } from '../../src/random.ts';
import { fillDefaults } from '../../src/schema.ts';
import type { KerasArray } from './keras.ts';

export const tensorOf = ({ shape, data }: KerasArray): Tensor => tf.tensor(data.slice(), shape, 'float32');
export const numbersOf = (tensor: Tensor): Float32Array => Float32Array.from(tensor.dataSync<'float32'>());

export interface GraphGradients {
  y: Float32Array;
  dx: Float32Array;
  /** Of every trainable weight, by key. */
  weights: Map<string, Float32Array>;
  /** New values of weights that the forward pass moved. */
  moved: Map<string, Float32Array>;
}

/** The output of a document for x, and the gradients of sum(output · direction). */
export function gradientsOf(document: ModelDocument, x: KerasArray, direction: KerasArray, training: boolean): GraphGradients {
  const variables = Variables.from(document.weights);
  try {
    return tf.tidy((() => {
      const input = tensorOf(x);
      const values = new Map(variables.keys().map((key) => [key, variables.read(key)]));
      const moved = new Map<string, Tensor>();
      const keys = document.graph.layers
        .filter((layer) => layer.trainable)
        .flatMap((layer) => layer.weights.filter((spec) => spec.role !== 'statistic').map((spec) => weightKey(layer, spec.name)));
      let output: Tensor | null = null;
      const { grads } = tf.engine().gradients(() => {
        const [y] = forward(document.graph, (key) => moved.get(key) ?? values.get(key)!, [input], {
          training,
          random: { seed: 1, step: tf.scalar(0, 'int32') },
          update: (key, value) => moved.set(key, value),
        });
        output = tf.keep(y!);
        return tf.sum(tf.mul(y!, tensorOf(direction))) as Scalar;
      }, [input, ...keys.map((key) => values.get(key)!)]);
      const result = {
        y: numbersOf(output!),
        dx: numbersOf(grads[0]!),
        weights: new Map(keys.map((key, index) => [key, numbersOf(grads[index + 1]!)])),
        moved: new Map([...moved].map(([key, value]) => [key, numbersOf(value)])),
      };
      tf.dispose([output!, ...moved.values()]);
      return result;
    }) as () => never) as unknown as GraphGradients;
  } finally {
    variables.dispose();
  }
}

export interface TestStep {
  step: EagerStep;
  weights: Variables;
  slots: Variables;
  /** Runs a step on numbers; the learning rate is 0.1 unless said otherwise. */
  run(x: KerasArray, y: KerasArray, at?: Partial<StepPosition>): StepReport;
  /** Prunes: 0 where a weight goes. */
  mask(masks: Record<string, readonly number[]>): void;
  dispose(): void;
}

/** A training step of a document: mean squared error, plain SGD, no clipping, unless said otherwise. */
export function stepOf(
  document: ModelDocument,
  options: {
    loss?: ResolvedLoss;
    optimizer?: Record<string, unknown>;
    clipping?: Record<string, unknown>;
    weightRange?: readonly [number, number];
    seed?: number;
  } = {},
): TestStep {
  const weights = Variables.from(document.weights);
  const slots = new Variables();
  const loss = lossOf(options.loss ?? 'mean_squared_error');
  const step = new EagerStep({
    graph: document.graph,
    weights,
    slots,
    loss,
    optimizer: optimizerRule(resolved(fillDefaults(Optimizer, options.optimizer ?? { type: 'sgd' }))),
    clipping: clippingRule(fillDefaults(Clipping, options.clipping ?? { type: 'none' })),
    weightRange: options.weightRange ?? null,
    seed: options.seed ?? 0,
  });
  let done = 0;
  let masks = new Map<string, Tensor>();
  return {
    step,
    weights,
    slots,
    run(x, y, at = {}) {
      const batch = {
        x: tensorOf(x),
        y: loss.name.startsWith('sparse') ? tf.tensor(Int32Array.from(y.data), y.shape, 'int32') : tensorOf(y),
      };
      try {
        const report = step.run(batch, { step: done, optimizerStep: done, learningRate: 0.1, ...at });
        done++;
        return report;
      } finally {
        tf.dispose([batch.x, batch.y]);
      }
    },
    mask(wanted) {
      tf.dispose([...masks.values()]);
      masks = new Map(Object.entries(wanted).map(([key, mask]) => [key, tf.tensor([...mask], [...weights.shape(key)], 'float32')]));
      step.setMasks(masks);
    },
    dispose() {
      tf.dispose([...masks.values()]);
      weights.dispose();
      slots.dispose();
    },
  };
}

/** Numbers of a shape, normally distributed and seeded by a name. */
export function drawn(shape: number[], stream: string, scale = 1): KerasArray {
  const { normal } = generator(0, stream);
  const size = shape.reduce((product, axis) => product * axis, 1);
  return { shape, data: Float32Array.from({ length: size }, () => scale * normal()) };
}

export const array = (shape: number[], values: ArrayLike<number>): KerasArray => ({ shape, data: Float32Array.from(values) });
