import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type AttentionShapes, attentionShapes } from '../../model/layers/attention-shapes.ts';
import type { Options } from '../../model/layers/layer-class.ts';
import { type Heads, headsOf } from '../../model/layers/multi-head-attention.ts';
import { isConstant, type Operand } from '../../model/layers/operand.ts';
import { number } from '../../model/layers/options.ts';
import { compare } from '../ops/detached.ts';
import { tf } from '../tensorflow.ts';
import { allOf, attentionWeights, causalMask, slidingMask } from './attention-weights.ts';
import { contract } from './contraction.ts';
import type { Execution, Invocation } from './execution.ts';

// Labels: batch, t and s steps of query and key, c channels, g heads of key and value, r heads of the query to each, k and v dimensions of a head.
const labels = (text: string): string[] => [...text];

/** Attention in several heads, of the query's steps over the key's. */
export function headedAttention(heads: (options: Options, shapes: AttentionShapes) => Heads): Execution {
  return (invocation) => {
    const { options, inputs, weights, callOptions, alive } = invocation;
    const [query, value, key = value] = inputs as [Tensor, Tensor, Tensor?];
    const { keyHeads, keyDim, output, ...of } = heads(options, attentionShapes(inputs.map((input) => input.shape.slice(1))));
    const shared = of.heads / keyHeads;
    const project = (x: Tensor, name: string): Tensor => {
      const product = contract(x, labels('btc'), weights[`${name}/kernel`]!, labels('chd'), labels('bthd'));
      const bias = weights[`${name}/bias`];
      return bias ? tf.add(product, bias) : product;
    };
    const grouped = (x: Tensor): Tensor => tf.reshape(x, [...x.shape.slice(0, 2), keyHeads, shared, x.shape[3]!]);
    const asked = callOptions.return_attention_scores === true;
    const left = (x: Tensor, axis: string): Tensor => (alive?.[axis] ? tf.mul(x, alive[axis]) : x);
    const scaled = tf.mul(grouped(left(project(query, 'query'), 'key_dimensions')), 1 / Math.sqrt(keyDim));
    const scores = contract(scaled, labels('btgrk'), project(key, 'key'), labels('bsgk'), labels('bgrts'));
    // Keras has two ways: only that with dropout or scores makes 0 of a query that no key counts for.
    const masking = asked || number(options, 'dropout', 0) > 0 ? 'zero' : 'equal';
    const { weights: plain, dropped } = attentionWeights(scores, maskOf(invocation, scores.shape), masking, invocation);
    const attended = contract(dropped, labels('bgrts'), project(value, 'value'), labels('bsgv'), labels('btgrv'));
    const ofHeads = alive?.heads ? tf.mul(attended, tf.reshape(alive.heads, [keyHeads, 1, 1])) : attended;
    const joined = tf.reshape(left(ofHeads, 'value_dimensions'), [...attended.shape.slice(0, 2), of.heads, of.valueDim]);
    const gated = options.use_gate === true ? tf.mul(joined, tf.sigmoid(project(query, 'gate'))) : joined;
    const axes = output.map((_size, axis) => `o${axis}`);
    const kernel = weights['attention_output/kernel']!;
    const y = contract(gated, labels('bthv'), kernel, [...labels('hv'), ...axes], [...labels('bt'), ...axes]);
    const bias = weights['attention_output/bias'];
    const result = bias ? tf.add(y, bias) : y;
    return asked ? [result, tf.reshape(plain, [plain.shape[0]!, of.heads, ...plain.shape.slice(3)])] : result;
  };
}

/** Which pairs of steps count, stretching over scores [batch, heads of the key, shared, query steps, key steps]; null for all. */
function maskOf({ options, masks, extras, callOptions }: Invocation, shape: readonly number[]): Tensor | null {
  const [queries, keys] = shape.slice(-2) as [number, number];
  const [query, value, key] = masks;
  const steps = allOf(
    query ? tf.expandDims(query, 2) : null,
    value ? tf.expandDims(value, 1) : null,
    key ? tf.expandDims(key, 1) : null,
    callOptions.use_causal_mask === true ? causalMask(queries, keys) : null,
    typeof options.sliding_window === 'number' ? slidingMask(queries, keys, options.sliding_window) : null,
  );
  const given = attentionMask(extras.attention_mask?.[0], callOptions.attention_mask as Operand | undefined);
  // [batch, query steps, key steps], or with an axis for heads, whose groups are apart here.
  const heads =
    given && given.rank === 4 ? tf.reshape(given, [given.shape[0]!, ...headsApart(given.shape[1]!, shape), ...given.shape.slice(2)]) : null;
  const pairs = allOf(steps, heads ? null : given);
  return allOf(pairs && tf.reshape(pairs, [pairs.shape[0]!, 1, 1, ...pairs.shape.slice(1)]), heads);
}

const headsApart = (heads: number, [, groups, shared]: readonly number[]): [number, number] => (heads === 1 ? [1, 1] : [groups!, shared!]);

function attentionMask(tensor: Tensor | undefined, constant: Operand | undefined): Tensor | null {
  const mask = tensor ?? (isConstant(constant) ? tf.tensor([...constant.constant.values], [...constant.constant.shape]) : null);
  if (!mask) return null;
  const truth = mask.dtype === 'bool' ? mask : compare('NotEqual', mask, tf.scalar(0));
  return mask.rank === 2 ? tf.expandDims(truth, 0) : truth;
}

export const multiHeadAttention = headedAttention(headsOf);
