import type { Tensor } from '@tensorflow/tfjs-node-gpu';

/** An optimizer: which slots each weight has, the numbers each step is given, and one fused update. Rules and defaults are Keras 3's. */
export interface OptimizerRule {
  /** Names of the slots of each weight, as Keras calls them. */
  readonly slots: readonly string[];
  /** What slots begin with. */
  readonly initial: number;
  /** Decoupled decay, as a fraction of the learning rate. */
  readonly weightDecay: number;
  /** What a slot of ours is of Keras' slot of that name, where it is not the same. */
  readonly kerasScale?: Readonly<Record<string, number>>;
  /** The numbers that change from step to step; `step` counts from 1 since the slots were new. Always as many. */
  numbers(step: number, rate: number): number[];
  /** Updates a weight, in place. */
  update(weight: UpdatedWeight, numbers: readonly Tensor[]): void;
}

export interface UpdatedWeight {
  variable: Tensor;
  slots: Tensor[];
  gradient: Tensor;
}
