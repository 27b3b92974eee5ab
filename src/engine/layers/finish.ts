import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { activationName } from '../../model/layers/options.ts';
import { biasAdd } from '../ops/bias-add.ts';
import { activate } from './activations.ts';
import type { Invocation } from './execution.ts';

/** What layers with kernels do last: the bias, where there is one, and the activation. */
export function finish(product: Tensor, { options, weights }: Pick<Invocation, 'options' | 'weights'>): Tensor {
  return activate(weights.bias ? biasAdd(product, weights.bias) : product, activationName(options));
}
