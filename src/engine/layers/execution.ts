import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Options } from '../../model/layers/index.ts';

/** One call of a layer, as its execution sees it. Tensors have the batch as their first axis. */
export interface Invocation {
  options: Options;
  inputs: Tensor[];
  /** Further tensors of the call by name, such as `initial_state`. */
  extras: Record<string, Tensor[]>;
  /** Of each input: bool [batch, steps] or more axes, true where a step counts; null where all do. */
  masks: readonly (Tensor | null)[];
  /** Arguments of this call, such as `use_causal_mask`. */
  callOptions: Options;
  /** By name inside the layer. */
  weights: Record<string, Tensor>;
  /** By the name of an axis inside the layer: float32 of its length, 1 where a unit counts and 0 where it is silenced. */
  alive?: Readonly<Record<string, Tensor>>;
  /** Whether the layer behaves as in training: dropout drops, normalisation uses the batch. A frozen layer is never told so. */
  training: boolean;
  /** For random layers, int32 [2]: differs between layers and steps, and is the same again when a step is repeated. */
  seed(): Tensor;
  /** Called with the new value of a weight that the forward pass itself moves, such as `moving_mean`. The caller disposes it. */
  update(weight: string, value: Tensor): void;
}

/**
 * Runs a layer: its output, or all of its outputs, with the mask that it makes as the last. Differentiable by tfjs' tape with respect to inputs and
 * trainable weights.
 */
export type Execution = (invocation: Invocation) => Tensor | Tensor[];

/** The outputs of a layer as a list. */
export function listed(outputs: Tensor | Tensor[]): Tensor[] {
  return Array.isArray(outputs) ? outputs : [outputs];
}
