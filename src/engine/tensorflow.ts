/**
 * TensorFlow, loaded natively or not at all. Every file of the engine takes `tf` from here, never from the package: its JavaScript calls two
 * functions that Node 24 no longer has, and when its addon does not load it goes on with a backend that is 20 to 100 times slower.
 */
import { createRequire } from 'node:module';
import util from 'node:util';
import { guardStridedPointwise } from './strided-pointwise.ts';

type TensorFlow = typeof import('@tensorflow/tfjs-node-gpu');

/** What the engine says of itself in its `ready` frame. */
export interface TensorFlowFacts {
  /** Of the C library, such as 2.21.0. */
  version: string;
  device: 'cpu' | 'gpu';
}

// The package looks these up on the module object when it runs, so they must be there before it loads.
const legacy = util as unknown as Record<string, unknown>;
legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
legacy.isArray ??= Array.isArray;

export const tf = createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu') as TensorFlow;
guardStridedPointwise(tf);

/**
 * Checks that operations run in the native library, and where.
 * Throws an Error when they do not, or when a GPU is wanted and TensorFlow uses none.
 */
export function requireNativeTensorFlow(wanted: 'auto' | 'cpu' | 'gpu'): TensorFlowFacts {
  const backend = tf.backend() as unknown as { binding?: { TF_Version?: string }; isUsingGpuDevice?: boolean };
  const version = backend.binding?.TF_Version;
  if (tf.getBackend() !== 'tensorflow' || version === undefined)
    throw new Error(`TensorFlow's native library is not in use; the backend is '${tf.getBackend()}'. scripts/setup.sh builds the binding`);
  const device = backend.isUsingGpuDevice ? 'gpu' : 'cpu';
  if (wanted !== 'auto' && wanted !== device) throw new Error(`The engine was told to use the ${wanted} and TensorFlow uses the ${device}`);
  return { version, device };
}

/** Pays for what the first step would pay: loads kernels and starts threads by one small convolution, product and gradient. */
export function warmUp(): void {
  tf.tidy(() => {
    const kernel = tf.randomNormal([3, 3, 1, 4]) as import('@tensorflow/tfjs-node-gpu').Tensor4D;
    const weights = tf.randomNormal([4 * 8 * 8, 4]) as import('@tensorflow/tfjs-node-gpu').Tensor2D;
    const loss = (k: typeof kernel, w: typeof weights) =>
      tf
        .conv2d(tf.ones([4, 8, 8, 1]) as typeof kernel, k, 1, 'same')
        .relu()
        .reshape<typeof weights>([4, 4 * 8 * 8])
        .matMul(w)
        .softmax()
        .square()
        .mean()
        .asScalar();
    const gradients = tf.grads((k, w) => loss(k as typeof kernel, w as typeof weights))([kernel, weights]);
    for (const gradient of gradients) gradient.dataSync();
  });
}
