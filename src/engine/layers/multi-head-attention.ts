import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type AttentionShapes, attentionShapes } from '../../model/layers/attention-shapes.ts';
import type { Options } from '../../model/layers/layer-class.ts';
import { type Heads, headsOf } from '../../model/layers/multi-head-attention.ts';
import { tf } from '../tensorflow.ts';
import { attentionWeights } from './attention-weights.ts';
import { contract } from './contraction.ts';
import type { Execution } from './execution.ts';

// Labels: batch, t and s steps of query and key, c channels, g heads of key and value, r heads of the query to each, k and v dimensions of a head.
const labels = (text: string): string[] => [...text];

/** Attention in several heads, of the query's steps over the key's. */
export function headedAttention(heads: (options: Options, shapes: AttentionShapes) => Heads): Execution {
  return (invocation) => {
    const { options, inputs, weights } = invocation;
    const [query, value, key = value] = inputs as [Tensor, Tensor, Tensor?];
    const { keyHeads, keyDim, output, ...of } = heads(options, attentionShapes(inputs.map((input) => input.shape.slice(1))));
    const shared = of.heads / keyHeads;
    const project = (x: Tensor, name: string): Tensor => {
      const product = contract(x, labels('btc'), weights[`${name}/kernel`]!, labels('chd'), labels('bthd'));
      const bias = weights[`${name}/bias`];
      return bias ? tf.add(product, bias) : product;
    };
    const grouped = (x: Tensor): Tensor => tf.reshape(x, [...x.shape.slice(0, 2), keyHeads, shared, x.shape[3]!]);
    const scaled = tf.mul(grouped(project(query, 'query')), 1 / Math.sqrt(keyDim));
    const scores = contract(scaled, labels('btgrk'), project(key, 'key'), labels('bsgk'), labels('bgrts'));
    const attended = contract(
      attentionWeights(scores, invocation),
      labels('bgrts'),
      project(value, 'value'),
      labels('bsgv'),
      labels('btgrv'),
    );
    const joined = tf.reshape(attended, [...attended.shape.slice(0, 2), of.heads, of.valueDim]);
    const gated = options.use_gate === true ? tf.mul(joined, tf.sigmoid(project(query, 'gate'))) : joined;
    const axes = output.map((_size, axis) => `o${axis}`);
    const kernel = weights['attention_output/kernel']!;
    const y = contract(gated, labels('bthv'), kernel, [...labels('hv'), ...axes], [...labels('bt'), ...axes]);
    const bias = weights['attention_output/bias'];
    return bias ? tf.add(y, bias) : y;
  };
}

export const multiHeadAttention = headedAttention(headsOf);
