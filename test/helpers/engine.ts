/** What the engine's tests share: tensors' numbers, gradients of a graph, and whether anything is left behind. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import { clippingRule } from '../../src/clipping/index.ts';
import { type LossOptions, lossOf, type ResolvedLoss } from '../../src/engine/losses.ts';
import { forward } from '../../src/engine/network.ts';
import { optimizerRule, resolved } from '../../src/engine/optimizers/index.ts';
import { stepCoding } from '../../src/engine/step/coded-weights.ts';
import {
  type BatchFormat,
  CapturedStep,
  EagerStep,
  type Masking,
  type StepParts,
  type StepPosition,
  type StepReport,
  type TrainingStep,
} from '../../src/engine/step/index.ts';
import { setCosts } from '../../src/engine/step/rate-coding.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { type Augmentation, Clipping, Optimizer } from '../../src/jobs/spec/index.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { weightKey } from '../../src/model/graph.ts';
import type { KernelCoding } from '../../src/packing/kernel-coding.ts';
import type { CodeCosts } from '../../src/packing/rate/code-costs.ts';
import type { RatePhase } from '../../src/packing/rate/phases.ts';
import type { Masks } from '../../src/pruning/masks.ts';
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
        // Nothing may pass back through what made y; tfjs wants a way all the same.
        return tf.add(tf.sum(tf.mul(y!, tensorOf(direction))), tf.mul(tf.sum(input), 0)) as Scalar;
      }, [input, ...keys.map((key) => values.get(key)!)]);
      const result = {
        y: numbersOf(output!),
        // Class numbers have none.
        dx: grads[0] ? numbersOf(grads[0]) : new Float32Array(input.size),
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

export interface NetworkGradients {
  y: Float32Array[];
  /** Of every input; zeros where none flows back. */
  dx: Float32Array[];
  weights: Map<string, Float32Array>;
  moved: Map<string, Float32Array>;
}

/** The outputs of a document of several inputs and outputs, and the gradients of the sum of outputs · directions. */
export function networkGradients(document: ModelDocument, xs: KerasArray[], directions: KerasArray[], training: boolean): NetworkGradients {
  const variables = Variables.from(document.weights);
  try {
    return tf.tidy((() => {
      const inputs = xs.map(tensorOf);
      const values = new Map(variables.keys().map((key) => [key, variables.read(key)]));
      const moved = new Map<string, Tensor>();
      const keys = document.graph.layers
        .filter((layer) => layer.trainable)
        .flatMap((layer) => layer.weights.filter((spec) => spec.role !== 'statistic').map((spec) => weightKey(layer, spec.name)));
      let outputs: Tensor[] = [];
      const { grads } = tf.engine().gradients(() => {
        const made = forward(document.graph, (key) => moved.get(key) ?? values.get(key)!, inputs, {
          training,
          random: { seed: 1, step: tf.scalar(0, 'int32') },
          update: (key, value) => moved.set(key, value),
        }).map((output) => tf.cast(output, 'float32'));
        outputs = made.map((output) => tf.keep(output.clone()));
        const parts = made.map((output, index) => tf.sum(tf.mul(output, tensorOf(directions[index]!))));
        return parts.reduce((sum, part) => tf.add(sum, part), tf.mul(tf.sum(inputs[0]!), 0)) as Scalar;
      }, [...inputs, ...keys.map((key) => values.get(key)!)]);
      const flow = grads.map((gradient, index) =>
        gradient ? numbersOf(gradient) : new Float32Array((inputs[index] ?? values.get(keys[index - inputs.length]!)!).size),
      );
      const result = {
        y: outputs.map(numbersOf),
        dx: flow.slice(0, inputs.length),
        weights: new Map(keys.map((key, index) => [key, flow[inputs.length + index]!])),
        moved: new Map([...moved].map(([key, value]) => [key, numbersOf(value)])),
      };
      tf.dispose([...outputs, ...moved.values()]);
      return result;
    }) as () => never) as unknown as NetworkGradients;
  } finally {
    variables.dispose();
  }
}

export interface TestStep {
  step: TrainingStep;
  weights: Variables;
  slots: Variables;
  averages: Variables;
  scores: Variables;
  steps: Variables;
  /** Runs a step on numbers; the learning rate is 0.1 unless said otherwise. */
  run(x: KerasArray, y: KerasArray, at?: Partial<StepPosition>, w?: readonly number[]): StepReport;
  /** Prunes: 0 where a weight goes. */
  mask(masks: Record<string, readonly number[]>): void;
  dispose(): void;
}

export interface TestStepOptions {
  loss?: ResolvedLoss;
  lossOptions?: Partial<LossOptions>;
  optimizer?: Record<string, unknown>;
  clipping?: Record<string, unknown>;
  weightRange?: readonly [number, number];
  inRange?: (key: string) => boolean;
  ema?: number;
  classWeights?: readonly number[];
  augmentation?: Augmentation;
  microBatchSize?: number;
  masking?: Masking;
  teacher?: StepParts['teacher'];
  penalty?: StepParts['penalty'];
  movement?: StepParts['movement'];
  /** Weights whose movements are scored. */
  scored?: readonly string[];
  /** Where a growing penalty counts. */
  marked?: Record<string, readonly number[]>;
  /** Weights that are few values, on a grid, or multiples of learned steps: these in their phase, with what their bits cost. */
  coded?: Record<string, KernelCoding>;
  rated?: { phase: RatePhase; costs: Record<string, CodeCosts> };
  /** Targets are class numbers, also under losses that compare rows. */
  numbered?: boolean;
  seed?: number;
  /** Samples of the batches that a captured step will be given; those of the first batch unless said otherwise. */
  batches?: readonly number[];
}

/** What a training step of a document is made of: mean squared error, plain SGD, no clipping, unless said otherwise. Its variables are the caller's. */
export function stepParts(document: ModelDocument, options: TestStepOptions = {}): StepParts {
  const loss = lossOf(options.loss ?? 'mean_squared_error', { label_smoothing: 0, huber_delta: 1, ...options.lossOptions });
  const optimizer = resolved(fillDefaults(Optimizer, options.optimizer ?? { type: 'sgd' }));
  return {
    graph: document.graph,
    variables: {
      weights: Variables.from(document.weights),
      slots: new Variables(),
      averages: new Variables(),
      scores: new Variables(),
      marks: new Variables(),
      places: new Variables(),
      steps: new Variables(),
      costs: new Variables(),
    },
    loss,
    optimizer: optimizerRule(optimizer),
    decayAll: optimizer.weight_decay_on === 'all',
    clipping: clippingRule(fillDefaults(Clipping, options.clipping ?? { type: 'none' })),
    weightRange: options.weightRange ?? null,
    inRange: options.inRange ?? (() => false),
    ema: options.ema ?? null,
    classWeights: options.classWeights ? Float32Array.from(options.classWeights) : null,
    augmentation: options.augmentation ?? [],
    masking: options.masking ?? 'final',
    teacher: options.teacher ?? null,
    penalty: options.penalty ?? null,
    movement: options.movement ?? null,
    stepsLearn: 0.1,
    codings: new Map(
      Object.entries(options.coded ?? {}).map(([key, coding]) => {
        const plain = stepCoding(coding);
        return [key, plain.kind === 'rate' && options.rated ? { ...plain, phase: options.rated.phase } : plain];
      }),
    ),
    microBatchSize: options.microBatchSize ?? null,
    seed: options.seed ?? 0,
  };
}

/** A training step of a document, eager unless said otherwise. */
export function stepOf(document: ModelDocument, options: TestStepOptions = {}, kind: 'eager' | 'captured' = 'eager'): TestStep {
  const parts = stepParts(document, options);
  const { loss, variables } = parts;
  for (const key of options.scored ?? []) {
    const shape = variables.weights.shape(key);
    variables.scores.set(key, { shape, data: new Float32Array(shape.reduce((product, axis) => product * axis, 1)) });
  }
  for (const [key, data] of Object.entries(options.marked ?? {}))
    variables.marks.set(key, { shape: variables.weights.shape(key), data: Float32Array.from(data) });
  for (const [key, coding] of Object.entries(options.coded ?? {})) {
    if (coding.kind === 'shared') variables.places.set(key, { shape: variables.weights.shape(key), data: coding.places });
    else variables.steps.set(key, coding.steps);
  }
  for (const [key, costs] of Object.entries(options.rated?.costs ?? {}))
    setCosts(variables.costs, key, variables.weights.shape(key), costs);
  const numbered = loss.name.startsWith('sparse') || options.numbered === true;
  let step: TrainingStep | null = null;
  const stepFor = (x: KerasArray, y: KerasArray, weighted: boolean): TrainingStep => {
    if (step) return step;
    const format: BatchFormat = {
      stored: x.shape.slice(1),
      sample: x.shape.slice(1),
      storedType: 'float32',
      transform: { center: null, divisor: null, shape: [] },
      target: y.shape.slice(1),
      targetType: numbered ? 'int32' : 'float32',
      weighted,
      lesson: null,
    };
    const count = x.shape[0]!;
    step =
      kind === 'eager'
        ? new EagerStep(parts, format)
        : new CapturedStep(parts, format, null, { batches: options.batches ?? [count], predictions: [count] });
    return step;
  };
  let masks: Masks = new Map();
  let done = 0;
  return {
    get step() {
      if (!step) throw new Error('The step is made for its first batch; run it first');
      return step;
    },
    get weights() {
      step?.store();
      return variables.weights;
    },
    get slots() {
      step?.store();
      return variables.slots;
    },
    get averages() {
      step?.store();
      return variables.averages;
    },
    get scores() {
      step?.store();
      return variables.scores;
    },
    get steps() {
      step?.store();
      return variables.steps;
    },
    run(x, y, at = {}, w) {
      const count = x.shape[0]!;
      const made = stepFor(x, y, w !== undefined);
      if (masks.size > 0 && done === 0) made.setMasks(masks);
      const report = made.run(
        {
          count,
          rows: null,
          read: () => ({
            count,
            x: Float32Array.from(x.data),
            y: numbered ? Int32Array.from(y.data) : Float32Array.from(y.data),
            w: w ? Float32Array.from(w) : null,
            lesson: null,
          }),
        },
        { step: done, optimizerStep: done, learningRate: 0.1, thresholdStep: done, penalty: 0, bit: 0, pull: 0, layers: false, ...at },
      );
      done++;
      return report;
    },
    mask(wanted) {
      masks = new Map(Object.entries(wanted).map(([key, mask]) => [key, Uint8Array.from(mask)]));
      step?.setMasks(masks);
    },
    dispose() {
      step?.dispose();
      for (const held of Object.values(variables)) held.dispose();
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
