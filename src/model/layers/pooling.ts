/** Max and average pooling, and their global forms, over any number of spatial axes: each channel by itself, channels last. */
import type { LayerClass, Options } from './layer-class.ts';
import { firstRefusal, flag, refuseChannelsFirst, refusePadding, tuple } from './options.ts';
import { type Axes, requireSpatial, slide, type Window } from './window.ts';

/** The sliding window of a pooling layer; strides default to its size. */
export function poolingWindow(options: Options, rank: number): Window<Axes> {
  const size = tuple({ pool_size: options.pool_size ?? 2 }, 'pool_size', rank);
  return {
    size,
    strides: tuple({ strides: options.strides ?? size }, 'strides', rank),
    dilation: size.map(() => 1),
    padding: String(options.padding ?? 'valid'),
  };
}

/** A pooling layer over `rank` spatial axes. */
export function pooling(rank: number): LayerClass {
  return {
    refuse: (options) => firstRefusal(refuseChannelsFirst(options), refusePadding(options)),
    outputShape: (options, [input]) => [...slide(input!, poolingWindow(options, rank)), input!.at(-1)!],
    couple: (_options, coupling) => coupling.inputs[0]!,
  };
}

/** A global pooling layer over `rank` spatial axes, which stay as axes of 1 with `keepdims`. */
export function globalPooling(rank: number): LayerClass {
  return {
    refuse: refuseChannelsFirst,
    outputShape: (options, [input]) => {
      requireSpatial(input!, rank);
      return [...(flag(options, 'keepdims', false) ? Array.from({ length: rank }, () => 1) : []), input!.at(-1)!];
    },
    couple: (_options, coupling) => coupling.inputs[0]!,
  };
}
