import { embedding } from './embedding.ts';
import type { LayerClass, Options } from './layer-class.ts';
import { uncut } from './operations/coupling.ts';
import { flag, integer } from './options.ts';

/** Whether the call goes back from hidden states to logits of the classes. */
export const isReversed = (callOptions: Options): boolean => callOptions.reverse === true;

/** ReversibleEmbedding (Press & Wolf 2016): an Embedding, and the way back by the same numbers or by a kernel of its own. */
export const reversibleEmbedding: LayerClass = {
  refuse: (options) =>
    embedding.refuse?.(options) ??
    ((options.reverse_dtype ?? null) === null ? null : { option: 'reverse_dtype', received: options.reverse_dtype, accepted: 'null' }),
  outputShape: embedding.outputShape,
  outputShapes: (options, inputs, callOptions) => {
    if (!isReversed(callOptions)) return [embedding.outputShape(options, inputs)];
    const [input] = inputs;
    if (input!.at(-1) !== integer(options, 'output_dim'))
      throw new Error(`hidden states have ${input!.at(-1)} numbers; output_dim is needed`);
    return [[...input!.slice(0, -1), integer(options, 'input_dim')]];
  },
  weights: (options, inputs) => [
    ...embedding.weights!(options, inputs),
    ...(flag(options, 'tie_weights', true)
      ? []
      : [
          {
            name: 'reverse_embeddings',
            shape: [integer(options, 'output_dim'), integer(options, 'input_dim')],
            role: 'kernel',
            axes: { input: 0, output: 1 },
          } as const,
        ]),
  ],
  macs: (options, [input], output) =>
    output.at(-1) === integer(options, 'input_dim') && input!.at(-1) === integer(options, 'output_dim')
      ? output.reduce<number>((product, length) => product * (length ?? 1), 1) * integer(options, 'output_dim')
      : 0,
  callOptions: ['reverse'],
  mask: (options, inputs, masks, callOptions) =>
    isReversed(callOptions) ? null : (embedding.mask?.(options, inputs, masks, callOptions) ?? null),
  ...uncut('an embedding that is read both ways'),
};
