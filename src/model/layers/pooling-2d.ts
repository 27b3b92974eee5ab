/** MaxPooling2D, AveragePooling2D and their global forms: each channel by itself, channels last. */
import type { LayerClass, Options } from './layer-class.ts';
import { firstRefusal, flag, pair, refuseChannelsFirst, refusePadding } from './options.ts';
import { slide, type Window } from './window.ts';

/** The sliding window of a pooling layer; strides default to its size. */
export function poolingWindow(options: Options): Window {
  const size = pair({ pool_size: options.pool_size ?? 2 }, 'pool_size');
  return {
    size,
    strides: pair({ strides: options.strides ?? size }, 'strides'),
    dilation: [1, 1],
    padding: String(options.padding ?? 'valid'),
  };
}

export const pooling2d: LayerClass = {
  refuse: (options) => firstRefusal(refuseChannelsFirst(options), refusePadding(options)),
  outputShape: (options, [input]) => [...slide(input!, poolingWindow(options)), input![2]!],
  couple: (_options, coupling) => coupling.inputs[0]!,
};

export const globalPooling2d: LayerClass = {
  refuse: (options) =>
    firstRefusal(
      refuseChannelsFirst(options),
      flag(options, 'keepdims', false) ? { option: 'keepdims', received: true, accepted: 'false' } : null,
    ),
  outputShape: (_options, [input]) => {
    if (input?.length !== 3) throw new Error(`the input has shape [${input?.join(', ')}]; [height, width, channels] is needed`);
    return [input[2]!];
  },
  couple: (_options, coupling) => coupling.inputs[0]!,
};
