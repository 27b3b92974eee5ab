/** One model as attacks and saliency maps see it: its logits, and the gradients of its outputs with respect to the image. */
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { SaliencySmoothing } from '../../jobs/spec/index.ts';
import type { Graph } from '../../model/graph.ts';
import { size } from '../../model/layers/index.ts';
import { CapturedFunctions } from '../graph/captured-functions.ts';
import { lossOf } from '../losses.ts';
import { forward } from '../network.ts';
import { scope } from '../scope.ts';
import { tf } from '../tensorflow.ts';
import type { Variables } from '../variables.ts';
import { corrupt } from './corruptions.ts';
import type { PixelScale } from './pixels.ts';

export interface AttackedModel {
  /** Why its functions are not captured; null where they are. */
  readonly fallback: string | null;
  /** [batch · classes] of pixels [batch, height, width, channels]; one logit a sample where there are two classes. */
  logits(pixels: Tensor): Float32Array;
  /**
   * One step up the cross-entropy by the sign of its gradient: pixels + step · sign, kept within `epsilon` of `from` and in 0 to 1. `labels` is int32
   * [batch], `step` and `epsilon` are scalars. Also says of each sample whether its gradient is zero everywhere, [batch].
   */
  ascend(given: { pixels: Tensor; from: Tensor; labels: Tensor; step: Tensor; epsilon: Tensor }): { pixels: Tensor; flat: Tensor };
  /**
   * |gradient · input| of the logits of these classes (int32 [batch]), or of the one output, summed over channels: [batch · height · width]. With `noise` the
   * gradient is the mean over noisy copies of the pixels.
   */
  saliency(pixels: Tensor, classes: Tensor, noise?: MapNoise | null): Float32Array;
  /** Takes the weights' present values. */
  reload(): void;
  /** Before the weights. */
  dispose(): void;
}

/** Copies of a batch with noise on their pixels; which draws are meant follows from the seed and the number of the batch. */
export interface MapNoise extends SaliencySmoothing {
  seed: number;
  batch: number;
}

/** The most elements that the tensors of one batch may have together. */
const BATCH_ELEMENTS = 2 ** 25;
const LARGEST_BATCH = 250;

/** Samples that go through models at once: as many as gradients of the larger one have room for. */
export function attackBatchSize(graphs: readonly Graph[], samples: number): number {
  const elements = Math.max(...graphs.map(({ shapes }) => shapes.reduce((sum, shape) => sum + size(shape.map((axis) => axis ?? 64)), 0)));
  return Math.max(1, Math.min(LARGEST_BATCH, samples, Math.floor(BATCH_ELEMENTS / elements)));
}

/** `sample` is the shape of one sample as the model takes it. */
export function attackedModel(
  graph: Graph,
  weights: Variables,
  scale: PixelScale,
  { batch, sample }: { batch: number; sample: readonly number[] },
): AttackedModel {
  const { height, width, channels } = scale.form;
  const image = { shape: [batch, height, width, channels], dtype: 'float32' as const };
  const numbers = { shape: [batch], dtype: 'int32' as const };
  const scalar = { shape: [], dtype: 'float32' as const };
  const classes = graph.outputs[0]!.shape.at(-1) ?? 1;
  const loss = lossOf(classes === 1 ? 'binary_crossentropy' : 'sparse_categorical_crossentropy', { label_smoothing: 0, huber_delta: 1 });
  const logitsOf = (inputs: Tensor): Tensor => {
    const [output] = forward(graph, (key) => weights.read(key), [inputs], { training: false, logits: true });
    return tf.reshape(output!, [batch, classes]);
  };
  const functions = new CapturedFunctions(
    {
      logits: { inputs: [image], run: ([pixels]) => [logitsOf(scale.toInputs(pixels!, sample))] },
      ascend: {
        inputs: [image, image, numbers, scalar, scalar],
        run([pixels, from, labels, step, epsilon]) {
          const gradient = gradientOf((given) => loss.values(logitsOf(scale.toInputs(given, sample)), labels!), pixels!);
          const moved = tf.add(pixels!, tf.mul(tf.sign(gradient), step!));
          const near = tf.minimum(tf.maximum(moved, tf.sub(from!, epsilon!)), tf.add(from!, epsilon!));
          const flat = tf.equal(tf.max(tf.abs(gradient), [1, 2, 3]), 0);
          return [tf.clipByValue(near, 0, 1), tf.cast(flat, 'float32')];
        },
      },
      slope: {
        inputs: [image, numbers],
        run([pixels, chosen]) {
          const gradient = gradientOf(
            (given) => {
              const logits = logitsOf(given);
              return classes === 1 ? logits : tf.mul(logits, tf.cast(tf.oneHot(chosen! as Tensor1D, classes), 'float32'));
            },
            scale.toInputs(pixels!, sample),
          );
          return [tf.reshape(gradient, image.shape)];
        },
      },
      // Of the slope and the pixels.
      map: {
        inputs: [image, image],
        run: ([slope, pixels]) => [tf.sum(tf.abs(tf.mul(slope!, tf.reshape(scale.toInputs(pixels!, sample), image.shape))), 3)],
      },
    },
    weights,
  );
  const slopeOf = (pixels: Tensor, chosen: Tensor, noise: MapNoise | null): Tensor => {
    if (!noise) return functions.call('slope', [pixels, chosen])[0]!;
    let sum: Tensor | null = null;
    for (let copy = 0; copy < noise.samples; copy++) {
      const draw = { seed: noise.seed, batch: noise.batch * noise.samples + copy };
      const noisy = scope(() => corrupt('gaussian_noise', noise.deviation, pixels, draw));
      const slope = functions.call('slope', [noisy, chosen])[0]!;
      const before: Tensor | null = sum;
      sum = before ? scope(() => tf.add(before, slope)) : slope;
      tf.dispose([noisy, ...(before ? [before, slope] : [])]);
    }
    const total = sum!;
    const mean = scope(() => tf.div(total, noise.samples));
    total.dispose();
    return mean;
  };
  const numbersOf = (name: 'logits' | 'map', inputs: Tensor[]): Float32Array => {
    const [made] = functions.call(name, inputs);
    const values = Float32Array.from(made!.dataSync<'float32'>());
    made!.dispose();
    return values;
  };
  return {
    fallback: functions.fallback,
    logits: (pixels) => numbersOf('logits', [pixels]),
    ascend({ pixels, from, labels, step, epsilon }) {
      const [moved, flat] = functions.call('ascend', [pixels, from, labels, step, epsilon]);
      return { pixels: moved!, flat: flat! };
    },
    saliency(pixels, chosen, noise = null) {
      const slope = slopeOf(pixels, chosen, noise);
      const map = numbersOf('map', [slope, pixels]);
      slope.dispose();
      return map;
    },
    reload: () => functions.reload(),
    dispose: () => functions.dispose(),
  };
}

/** Of the sum of values: what one sample adds does not depend on its neighbours. */
function gradientOf(values: (given: Tensor) => Tensor, at: Tensor): Tensor {
  const { grads } = tf.engine().gradients(() => tf.sum(values(at)) as Scalar, [at]);
  return grads[0]!;
}
