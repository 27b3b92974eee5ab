import type { Coupling, LayerClass, Options, RefusedOption, Shape, Units } from './layer-class.ts';
import { masksOver } from './masking.ts';
import { firstRefusal } from './options.ts';
import { refuseRate } from './recurrent.ts';

/** Query, value and key of an attention layer, for one sample: [steps, channels] each. */
export interface AttentionShapes {
  query: readonly [number | null, number];
  value: readonly [number | null, number];
  key: readonly [number | null, number];
}

/** The shapes of an attention layer's inputs, of which the key may be left out. Throws an Error where they do not fit. */
export function attentionShapes(inputs: readonly Shape[]): AttentionShapes {
  const [query, value, key = value] = inputs.map((shape) => {
    if (shape.length !== 2 || typeof shape[1] !== 'number') {
      throw new Error(`an input has shape [${shape.join(', ')}]; [steps, channels] with a fixed number of channels is needed`);
    }
    return shape as readonly [number | null, number];
  });
  if (!query || !value || !key || inputs.length > 3)
    throw new Error(`${inputs.length} inputs; query and value, or query, value and key are needed`);
  if (value[0] !== key[0]) throw new Error(`value has ${value[0]} steps and key ${key[0]}`);
  return { query, value, key };
}

/** Scores sum over the channels of query and key, which go together; those of the value pass on. */
export function coupleAttention(coupling: Coupling): Units[] {
  const [query, value, key = value] = coupling.inputs;
  coupling.inputs.forEach((_units, index) => {
    coupling.reads(index);
  });
  coupling.tie(query!, key!);
  return [value!];
}

export const refuseAttentionDropout = (options: Options): RefusedOption | null => firstRefusal(refuseRate(options, 'dropout'));

/** What Attention and AdditiveAttention share: softmax(scores) · value. */
export const plainAttention: Omit<LayerClass, 'weights' | 'macs'> = {
  refuse: refuseAttentionDropout,
  outputShape: (_options, inputs) => {
    const { query, value } = attentionShapes(inputs);
    return [query[0], value[1]];
  },
  outputShapes: (_options, inputs, { return_attention_scores: scores }) => {
    const { query, value, key } = attentionShapes(inputs);
    const output = [query[0], value[1]];
    return scores === true ? [output, [query[0], key[0]]] : [output];
  },
  couple: (_options, coupling) => coupleAttention(coupling),
  callOptions: ['use_causal_mask', 'return_attention_scores'],
  takesList: true,
  ...masksOver(1),
  mask: () => 'first',
};

/** Multiply-accumulates of scores and of the mean by them, for `channels` in all heads. */
export function attentionMacs({ query, value }: AttentionShapes, keyChannels: number, valueChannels: number): number {
  return (query[0] ?? 1) * (value[0] ?? 1) * (keyChannels + valueChannels);
}
