import type { LayerClass, Options } from './layer-class.ts';

/** The axes of a sample in their new order, counted from 1. Throws an Error where each does not stand there once. */
export function permutation(options: Options, rank: number): number[] {
  const dims = options.dims;
  const valid = Array.isArray(dims) && dims.length === rank && [...dims].sort((a, b) => a - b).every((axis, index) => axis === index + 1);
  if (!valid) throw new Error(`dims is ${JSON.stringify(dims)}; each axis from 1 to ${rank} is needed once`);
  return dims;
}

/** Permute. One that keeps the last axis keeps its units; any other freezes them. */
export const permute: LayerClass = {
  outputShape: (options, [input]) => permutation(options, input!.length).map((axis) => input![axis - 1]!),
  couple: (options, coupling) => {
    const units = coupling.inputs[0]!;
    const rank = coupling.outputShape.length;
    if (permutation(options, rank).at(-1) === rank) return units;
    const fresh = coupling.fresh(coupling.outputShape.at(-1) ?? 0);
    for (const scattered of [units, fresh]) {
      coupling.freeze(scattered, 'UNFOLLOWED_LAYER', 'a Permute that moves the last axis turns channels into places');
    }
    return fresh;
  },
};
