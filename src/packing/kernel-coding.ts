/** What the numbers of a weight are made of once it is packed. */

/**
 * `shared`: each weight has one of `count` values; `places` float32 in the weight's order, with `count` for zeros, as in `SharedValues`. `grid`: each weight is a whole number from
 * -largest to largest times its output unit's step; `steps` float32, of the weight's shape with 1 along the axes of a unit's inputs.
 * `rate`: each weight is a whole number of any size times the tensor's step, [1, …], which is learned with it.
 */
export type KernelCoding = TunedCoding | { kind: 'rate'; steps: { shape: readonly number[]; data: Float32Array<ArrayBuffer> } };

/** What is packed first and tuned behind it. */
export type TunedCoding =
  | { kind: 'shared'; count: number; values: Float32Array<ArrayBuffer>; places: Float32Array<ArrayBuffer> }
  | { kind: 'grid'; largest: number; steps: { shape: readonly number[]; data: Float32Array<ArrayBuffer> } };

/** The largest whole number under a learned step: what `.esp` has room for. */
export { LARGEST_MULTIPLE } from '../model/formats/esp/tensor.ts';

/** By weight key. */
export type KernelCodings = ReadonlyMap<string, KernelCoding>;
