import type { LayerClass } from './layer-class.ts';
import { firstRefusal, flag, integer } from './options.ts';

/** Embedding: the row of each class number, of embeddings [input_dim, output_dim]. */
export const embedding: LayerClass = {
  refuse: (options) =>
    firstRefusal(
      options.lora_rank === null || options.lora_rank === undefined
        ? null
        : { option: 'lora_rank', received: options.lora_rank, accepted: 'null; merge the LoRA weights into the embeddings first' },
    ),
  outputShape: (options, [input]) => [...input!, integer(options, 'output_dim')],
  mask: (options, [input]) => (flag(options, 'mask_zero', false) ? input! : null),
  weights: (options) => [
    {
      name: 'embeddings',
      shape: [integer(options, 'input_dim'), integer(options, 'output_dim')],
      role: 'kernel',
      axes: { input: 0, output: 1 },
      unitAxes: [1],
    },
  ],
  couple: (options, coupling) => {
    coupling.reads(0);
    coupling.freeze(coupling.inputs[0]!, 'UNFOLLOWED_LAYER', 'an Embedding reads them as class numbers');
    const units = coupling.fresh(integer(options, 'output_dim'));
    coupling.bind('embeddings', 1, units);
    coupling.resize('output_dim', units);
    return units;
  },
};
