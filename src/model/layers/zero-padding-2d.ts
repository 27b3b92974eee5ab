import type { LayerClass, Options } from './layer-class.ts';
import { refuseChannelsFirst } from './options.ts';

/** [[top, bottom], [left, right]] from Keras' three spellings. */
export function paddingOf(options: Options): [[number, number], [number, number]] {
  const padding = (options.padding ?? 1) as number | [number, number] | [[number, number], [number, number]];
  const [vertical, horizontal] = typeof padding === 'number' ? [padding, padding] : padding;
  const both = (side: number | [number, number]): [number, number] => (typeof side === 'number' ? [side, side] : side);
  return [both(vertical), both(horizontal)];
}

export const zeroPadding2d: LayerClass = {
  refuse: refuseChannelsFirst,
  outputShape: (options, [input]) => {
    if (input?.length !== 3) throw new Error(`the input has shape [${input?.join(', ')}]; [height, width, channels] is needed`);
    const [[top, bottom], [left, right]] = paddingOf(options);
    return [input[0] === null ? null : input[0]! + top + bottom, input[1] === null ? null : input[1]! + left + right, input[2]!];
  },
  couple: (_options, coupling) => coupling.inputs[0]!,
};
