import { coupleActivation } from './channel-mixing.ts';
import type { LayerClass, Options } from './layer-class.ts';
import { size } from './layer-class.ts';
import { activationName, firstRefusal, flag, integer, pair, refuseActivation, refuseChannelsFirst, refusePadding } from './options.ts';
import { slide, type Window } from './window.ts';

/** The sliding window of a Conv2D. */
export function convolutionWindow(options: Options): Window {
  return {
    size: pair(options, 'kernel_size'),
    strides: pair({ strides: options.strides ?? 1 }, 'strides'),
    dilation: pair({ dilation_rate: options.dilation_rate ?? 1 }, 'dilation_rate'),
    padding: String(options.padding ?? 'valid'),
  };
}

/** Conv2D: kernel [height, width, in, out], channels last. */
export const conv2d: LayerClass = {
  refuse: (options) =>
    firstRefusal(
      refuseActivation(options),
      refuseChannelsFirst(options),
      (options.groups ?? 1) === 1 ? null : { option: 'groups', received: options.groups, accepted: '1' },
      // TensorFlow has no gradient for a strided dilated convolution, and Keras refuses it too; a plainly dilated one needs a gradient of our own.
      convolutionWindow(options).dilation.every((rate) => rate === 1)
        ? null
        : { option: 'dilation_rate', received: options.dilation_rate, accepted: '1' },
      refusePadding(options),
    ),
  outputShape: (options, [input]) => {
    if (input?.at(-1) === null) throw new Error('the channel axis of the input must have a fixed size');
    return [...slide(input!, convolutionWindow(options)), integer(options, 'filters')];
  },
  weights: (options, [input]) => {
    const filters = integer(options, 'filters');
    return [
      {
        name: 'kernel',
        shape: [...pair(options, 'kernel_size'), input?.at(-1) as number, filters],
        role: 'kernel',
        axes: { input: 2, output: 3 },
      },
      ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [filters], role: 'bias' } as const] : []),
    ];
  },
  macs: (options, [input], output) => size(output) * size(pair(options, 'kernel_size')) * (input?.at(-1) as number),
  couple: (options, coupling) => {
    coupling.reads(0);
    coupling.bind('kernel', 2, coupling.inputs[0]!);
    const units = coupling.fresh(integer(options, 'filters'));
    coupling.bind('kernel', 3, units);
    if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, units);
    coupling.resize('filters', units);
    return coupleActivation(options, coupling, units);
  },
  activation: activationName,
};
