import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { run, text, typed } from '../raw-ops.ts';
import { differentiable } from './differentiable.ts';

const ATTRIBUTES = [typed('T'), text('data_format', 'NHWC')];

/** x [..., channels] and at each place the bias [channels]; x has a batch axis too. */
export function biasAdd(x: Tensor, bias: Tensor): Tensor {
  return differentiable(
    [x, bias],
    () => ({ value: run('BiasAdd', ATTRIBUTES, [x, bias], 1)[0]!, saved: [] }),
    (dy) => [dy, run('BiasAddGrad', ATTRIBUTES, [dy], 1)[0]!],
  );
}
