import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** An optimizer: which slots each weight has, and one fused update. Rules and defaults are Keras 3's. */
export interface OptimizerRule {
  /** Names of the slots, all zero at first and of the weight's shape. */
  slots: readonly string[];
  /**
   * Makes the update of one step; call it once a step, then for every weight. `step` counts from 1.
   * `decayed` is false for biases and normalisation parameters. All handles are of variables; `gradient` is a tensor.
   */
  begin(step: number, rate: number): (target: { variable: Tensor; slots: Tensor[]; gradient: Tensor; decayed: boolean }) => void;
}
