/** What the numbers of a kernel are made of once it is packed. */

/**
 * `shared`: each weight has one of `count` values; `places` float32 in the weight's order, with `count` for zeros, as in `SharedValues`. `grid`: each weight is a whole number from
 * -largest to largest times its output unit's step; `steps` float32, of the weight's shape with 1 along the axes of a unit's inputs.
 */
export type KernelCoding =
  | { kind: 'shared'; count: number; values: Float32Array<ArrayBuffer>; places: Float32Array<ArrayBuffer> }
  | { kind: 'grid'; largest: number; steps: { shape: readonly number[]; data: Float32Array<ArrayBuffer> } };

/** By weight key. */
export type KernelCodings = ReadonlyMap<string, KernelCoding>;
