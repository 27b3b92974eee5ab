import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { INT32, run, text, typed, wholes } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

/** The transposed convolution of volumes x [n, d, h, w, in] by a kernel [d, h, w, out, in], to `shape`: what a convolution's gradient does with its input. */
export function conv3dTranspose(
  x: Tensor,
  kernel: Tensor,
  shape: readonly number[],
  strides: readonly number[],
  padding: 'same' | 'valid',
): Tensor {
  const window = [
    wholes('strides', [1, ...strides, 1]),
    text('padding', padding.toUpperCase()),
    text('data_format', 'NDHWC'),
    wholes('dilations', [1, 1, 1, 1, 1]),
  ];
  const numbers = (list: readonly number[]): Tensor => tf.tensor1d([...list], 'int32');
  return differentiable(
    [x, kernel],
    () => ({
      value: run('Conv3DBackpropInputV2', [typed('T'), typed('Tshape', INT32), ...window], [numbers(shape), kernel, x], 1)[0]!,
      saved: [x, kernel],
    }),
    (dy, [from, weights]) => [
      run('Conv3D', [typed('T'), ...window], [dy, weights!], 1)[0]!,
      run('Conv3DBackpropFilterV2', [typed('T'), ...window], [dy, numbers(kernel.shape), from!], 1)[0]!,
    ],
  );
}
