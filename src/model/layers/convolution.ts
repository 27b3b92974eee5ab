import { coupleActivation } from './channel-mixing.ts';
import type { LayerClass, Options } from './layer-class.ts';
import { size } from './layer-class.ts';
import { activationName, firstRefusal, flag, integer, refuseActivation, refuseChannelsFirst, refusePadding, tuple } from './options.ts';
import { tieParts } from './units.ts';
import { type Axes, refuseDilatedStrides, slide, type Window } from './window.ts';

/** The sliding window of a convolution over `rank` spatial axes. */
export function convolutionWindowOf(options: Options, rank: number): Window<Axes> {
  return {
    size: tuple(options, 'kernel_size', rank),
    strides: tuple({ strides: options.strides ?? 1 }, 'strides', rank),
    dilation: tuple({ dilation_rate: options.dilation_rate ?? 1 }, 'dilation_rate', rank),
    padding: String(options.padding ?? 'valid'),
  };
}

/** The number of groups of a convolution; each makes its share of the filters from its share of the channels. */
export function groupsOf(options: Options): number {
  return integer({ groups: options.groups ?? 1 }, 'groups');
}

/** A convolution over `rank` spatial axes, channels last: kernel [...size, in / groups, out]. */
export function convolution(rank: number): LayerClass {
  const input = rank;
  const output = rank + 1;
  return {
    refuse: (options) =>
      firstRefusal(
        refuseActivation(options),
        refuseChannelsFirst(options),
        refusePadding(options, rank === 1 ? ['valid', 'same', 'causal'] : undefined),
        refuseDilatedStrides(convolutionWindowOf(options, rank)),
        groupsOf(options) > 1 && rank === 3 ? { option: 'groups', received: options.groups, accepted: '1' } : null,
      ),
    outputShape: (options, [shape]) => {
      const channels = shape!.at(-1);
      const groups = groupsOf(options);
      if (channels === null) throw new Error('the channel axis of the input must have a fixed size');
      if (channels! % groups !== 0 || integer(options, 'filters') % groups !== 0) {
        throw new Error(`${groups} groups do not divide ${channels} channels and ${integer(options, 'filters')} filters`);
      }
      return [...slide(shape!, convolutionWindowOf(options, rank)), integer(options, 'filters')];
    },
    weights: (options, [shape]) => {
      const filters = integer(options, 'filters');
      const channels = (shape!.at(-1) as number) / groupsOf(options);
      return [
        { name: 'kernel', shape: [...tuple(options, 'kernel_size', rank), channels, filters], role: 'kernel', axes: { input, output } },
        ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [filters], role: 'bias' } as const] : []),
      ];
    },
    macs: (options, [shape], made) =>
      (size(made) * size(tuple(options, 'kernel_size', rank)) * (shape!.at(-1) as number)) / groupsOf(options),
    couple: (options, coupling) => {
      coupling.reads(0);
      const units = coupling.fresh(integer(options, 'filters'));
      if (groupsOf(options) > 1) {
        const groups = groupsOf(options);
        const channels = coupling.inputs[0]!;
        if (channels.length === groups && units.length === groups) {
          // Each channel makes one filter: it takes its group along.
          coupling.tie(channels, units);
          coupling.resize('groups', units);
        } else {
          // Each group keeps as many channels and makes as many filters as the others.
          tieParts(coupling, channels, groups);
          tieParts(coupling, units, groups);
          coupling.bind('kernel', input, channels.subarray(0, channels.length / groups));
        }
      } else coupling.bind('kernel', input, coupling.inputs[0]!);
      coupling.bind('kernel', output, units);
      if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, units);
      coupling.resize('filters', units);
      return coupleActivation(options, coupling, units);
    },
    activation: activationName,
  };
}
