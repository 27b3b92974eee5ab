import type { LayerClass, Options } from './layer-class.ts';
import { integer, refuseChannelsFirst } from './options.ts';

/** [[top, bottom], [left, right]] from Keras' three spellings. Throws an Error that names what was received. */
export function paddingOf(options: Options): [[number, number], [number, number]] {
  const twice = (value: unknown): [unknown, unknown] => (Array.isArray(value) ? [value[0], value[1]] : [value, value]);
  const [vertical, horizontal] = twice(options.padding ?? 1);
  const sides = (axis: unknown): [number, number] => {
    const [before, after] = twice(axis);
    return [integer({ padding: before }, 'padding', 0), integer({ padding: after }, 'padding', 0)];
  };
  return [sides(vertical), sides(horizontal)];
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
