import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Options } from '../../model/layers/index.ts';

/** One call of a layer, as its execution sees it. Tensors have the batch as their first axis. */
export interface Invocation {
  options: Options;
  inputs: Tensor[];
  /** Arguments of this call, such as `use_causal_mask`. */
  callOptions: Options;
  /** By name inside the layer. */
  weights: Record<string, Tensor>;
  /** Whether the layer behaves as in training: dropout drops, normalisation uses the batch. A frozen layer is never told so. */
  training: boolean;
  /** For random layers, int32 [2]: differs between layers and steps, and is the same again when a step is repeated. */
  seed(): Tensor;
  /** Called with the new value of a weight that the forward pass itself moves, such as `moving_mean`. The caller disposes it. */
  update(weight: string, value: Tensor): void;
}

/** Runs a layer. Differentiable by tfjs' tape with respect to inputs and trainable weights. */
export type Execution = (invocation: Invocation) => Tensor;
