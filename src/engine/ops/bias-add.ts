import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, text, typed } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { differentiable } from './differentiable.ts';

const ATTRIBUTES = [typed('T'), text('data_format', 'NHWC')];

/**
 * x [..., channels] and at each place the bias [channels]; x has a batch axis too.
 *
 * The gradient is a plain sum: TensorFlow 2.21 fuses BiasAddGrad with the gradient of a convolution's kernel by the operation that both take their input
 * from, and not by its output. Behind a concatenation, whose gradient has several outputs, a graph then gives every bias the gradient of the first.
 */
export function biasAdd(x: Tensor, bias: Tensor): Tensor {
  return differentiable(
    [x, bias],
    () => ({ value: run('BiasAdd', ATTRIBUTES, [x, bias], 1)[0]!, saved: [] }),
    (dy) => [
      dy,
      tf.sum(
        dy,
        dy.shape.slice(0, -1).map((_, axis) => axis),
      ),
    ],
  );
}
