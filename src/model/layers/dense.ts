import { coupleActivation } from './channel-mixing.ts';
import type { LayerClass } from './layer-class.ts';
import { size } from './layer-class.ts';
import { carriesMask } from './masking.ts';
import { activationName, firstRefusal, flag, integer, refuseActivation } from './options.ts';

/** Dense: kernel [in, out] on the last axis. */
export const dense: LayerClass = {
  ...carriesMask,
  refuse: (options) =>
    firstRefusal(
      refuseActivation(options),
      options.lora_rank === null || options.lora_rank === undefined
        ? null
        : { option: 'lora_rank', received: options.lora_rank, accepted: 'null; merge the LoRA weights into the kernel first' },
    ),
  outputShape: (options, [input]) => {
    if (!input || input.length === 0 || input.at(-1) === null) throw new Error('the last axis of the input must have a fixed size');
    return [...input.slice(0, -1), integer(options, 'units')];
  },
  weights: (options, [input]) => {
    const units = integer(options, 'units');
    const inputs = input?.at(-1) as number;
    return [
      { name: 'kernel', shape: [inputs, units], role: 'kernel', axes: { input: 0, output: 1 } },
      ...(flag(options, 'use_bias', true) ? [{ name: 'bias', shape: [units], role: 'bias' } as const] : []),
    ];
  },
  macs: (_options, [input], output) => size(output) * (input?.at(-1) as number),
  couple: (options, coupling) => {
    coupling.reads(0);
    coupling.bind('kernel', 0, coupling.inputs[0]!);
    const units = coupling.fresh(integer(options, 'units'));
    coupling.bind('kernel', 1, units);
    if (flag(options, 'use_bias', true)) coupling.bind('bias', 0, units);
    coupling.resize('units', units);
    return coupleActivation(options, coupling, units);
  },
  activation: activationName,
};
