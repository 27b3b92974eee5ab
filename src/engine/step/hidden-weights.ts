/** Weights that masks leave out of the network. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { tf } from '../tensorflow.ts';
import type { Variables } from '../variables.ts';

/**
 * What masks do to the weights that they leave out, which the forward pass never sees. `final`: they become +0 and stay so. `surgery`: they keep their value
 * and receive the gradient of the masked network, by which they may earn their place again (Guo 2016). `shadow`: they keep their value and receive no gradient
 * (Sanh 2020).
 */
export type Masking = 'final' | 'surgery' | 'shadow';

/** The weight as the forward pass sees it: +0 where its mask is 0. */
export function masked(key: string, value: Tensor, masks: Variables): Tensor {
  return masks.has(key) ? tf.where(tf.cast(masks.read(key), 'bool'), value, 0) : value;
}
