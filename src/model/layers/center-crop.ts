import type { LayerClass, Options, Shape } from './layer-class.ts';
import { integer, refuseChannelsFirst } from './options.ts';
import { requireSpatial } from './window.ts';

/** Where the middle of [height, width, channels] begins and ends. Throws an Error where the input is smaller, which Keras would enlarge. */
export function centre(options: Options, input: Shape): { begin: [number, number]; length: [number, number] } {
  requireSpatial(input, 2);
  const length: [number, number] = [integer(options, 'height'), integer(options, 'width')];
  const begin = length.map((wanted, axis) => {
    const there = input[axis]!;
    if (there === null) throw new Error(`axis ${axis + 1} must have a fixed size`);
    if (there < wanted) throw new Error(`the input has shape [${input.join(', ')}]; at least ${length.join(' by ')} is needed`);
    return Math.floor((there - wanted) / 2);
  });
  return { begin: begin as [number, number], length };
}

/** CenterCrop: the middle `height` by `width` of [height, width, channels]. */
export const centerCrop: LayerClass = {
  refuse: refuseChannelsFirst,
  outputShape: (options, [input]) => [...centre(options, input!).length, input!.at(-1)!],
  couple: (_options, coupling) => coupling.inputs[0]!,
};
