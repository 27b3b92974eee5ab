/** Adaptive pooling over any number of spatial axes: to a size of its own, whatever the input's. */
import type { LayerClass, Options } from './layer-class.ts';
import { refuseChannelsFirst, tuple } from './options.ts';
import { requireSpatial } from './window.ts';

/** The size of the output along each of `rank` axes. */
export function adaptedSize(options: Options, rank: number): number[] {
  return tuple(options, 'output_size', rank);
}

/** The places, [from, to), of which each place of the output is made along an axis of `length`. */
export function adaptedPlaces(length: number, size: number): [number, number][] {
  return Array.from({ length: size }, (_none, place) => [Math.floor((place * length) / size), Math.ceil(((place + 1) * length) / size)]);
}

/** An adaptive pooling layer over `rank` spatial axes. */
export function adaptivePooling(rank: number): LayerClass {
  return {
    refuse: refuseChannelsFirst,
    outputShape: (options, [input]) => {
      requireSpatial(input!, rank);
      if (input!.includes(null)) throw new Error('every axis of the input must have a fixed size');
      return [...adaptedSize(options, rank), input!.at(-1)!];
    },
    couple: (_options, coupling) => coupling.inputs[0]!,
  };
}
