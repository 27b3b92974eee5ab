/** What becomes of masks, as Keras 3.15 has it: a mask says which steps count, [steps] or more axes of one sample. */
import type { LayerClass, Options, Shape } from './layer-class.ts';

/** The output carries its input's mask. */
export const carriesMask = { mask: () => 'first' } as const satisfies Partial<LayerClass>;

/** Throws an Error where a mask has other axes than the first `rank` of its input, or other lengths. */
export function requireMaskAxes(inputs: readonly Shape[], masks: readonly (Shape | null)[], rank: number): void {
  masks.forEach((mask, index) => {
    if (mask === null) return;
    const axes = inputs[index]!.slice(0, rank);
    const fits = mask.length === rank && mask.every((length, axis) => length === null || axes[axis] === null || length === axes[axis]);
    if (!fits) throw new Error(`a mask of shape [${mask.join(', ')}] does not fit an input of shape [${inputs[index]!.join(', ')}]`);
  });
}

/** Masks that say which of the first `rank` axes' places count. */
export function masksOver(rank: number): Pick<LayerClass, 'readsMasks' | 'checkMasks'> {
  return { readsMasks: true, checkMasks: (_options: Options, inputs, masks) => requireMaskAxes(inputs, masks, rank) };
}
