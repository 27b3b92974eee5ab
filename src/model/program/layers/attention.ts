import { type AttentionShapes, attentionShapes } from '../../layers/attention-shapes.ts';
import type { Options } from '../../layers/index.ts';
import type { Heads } from '../../layers/multi-head-attention.ts';
import { isConstant, type Operand } from '../../layers/operand.ts';
import { number } from '../../layers/options.ts';
import { softmaxAxes } from '../../layers/softmax.ts';
import { constant, flags, type ProgramBuilder } from '../builder.ts';
import { contract } from '../contraction.ts';
import type { LoweredCall, Lowering } from '../lowering.ts';
import type { Dimension, Value } from '../program.ts';
import { sampleShape, truth } from './sample.ts';

/** Low enough that nothing of a masked score is left behind the softmax, as Keras has it. */
const MASKED = -1e9;

/** Softmax of scores [..., query steps, key steps] over the keys that `mask` lets count; what it does to the others is said in `engine/layers/attention-weights.ts`. */
function attentionWeights(b: ProgramBuilder, scores: Value, mask: Value | null, masking: 'equal' | 'zero' | 'lowered'): Value {
  if (!mask) return b.softmax(scores, -1);
  const low = masking === 'lowered' ? b.add(scores, MASKED) : MASKED;
  const weights = b.softmax(b.where(mask, scores, low), -1);
  return masking === 'zero' ? b.mul(weights, b.cast(mask, 'float32')) : weights;
}

/** bool [1, queries, keys]: true where the key's step is none behind the query's. */
function causalMask(b: ProgramBuilder, queries: Dimension, keys: Dimension): Value {
  if (typeof queries === 'number' && typeof keys === 'number') {
    return flags(
      Array.from({ length: queries * keys }, (_none, index) => index % keys <= Math.floor(index / keys)),
      [1, queries, keys],
    );
  }
  const places = (length: Dimension, axis: number): Value =>
    b.expandDims(b.cast(b.range(length), 'float32'), ...(axis === 1 ? [0, 2] : [0, 1]));
  return b.binary('less_equal', places(keys, 2), places(queries, 1));
}

/** bool [1, queries, keys]: true where the key's step is less than `width` steps from the query's. */
function slidingMask(b: ProgramBuilder, queries: Dimension, keys: Dimension, width: number): Value {
  const rows = b.expandDims(b.cast(b.range(queries), 'float32'), 0, 2);
  const columns = b.expandDims(b.cast(b.range(keys), 'float32'), 0, 1);
  return b.binary('less', b.unary('abs', b.sub(columns, rows)), width);
}

function allOf(b: ProgramBuilder, ...masks: (Value | null | undefined)[]): Value | null {
  const given = masks.filter((mask) => mask !== null && mask !== undefined);
  return given.length === 0 ? null : given.reduce((all, mask) => b.binary('logical_and', all, mask));
}

/** query + key of every pair of steps: [batch, query steps, key steps, channels]. */
const pairs = (b: ProgramBuilder, query: Value, key: Value): Value => b.add(b.expandDims(query, 2), b.expandDims(key, 1));

/** The values by scores [batch, query steps, key steps]: only of steps that the value's mask lets count, and 0 where the query's does not. */
function attended(b: ProgramBuilder, scores: Value, { inputs, masks, callOptions }: LoweredCall): Value | Value[] {
  const [queryMask, valueMask] = masks;
  const mask = allOf(
    b,
    valueMask ? b.expandDims(valueMask, 1) : null,
    callOptions.use_causal_mask === true ? causalMask(b, scores.shape[1]!, scores.shape[2]!) : null,
  );
  const weights = attentionWeights(b, scores, mask, 'lowered');
  const values = b.matmul(weights, inputs[1]!);
  const output = queryMask ? b.mul(values, b.cast(b.expandDims(queryMask, 2), 'float32')) : values;
  return callOptions.return_attention_scores === true ? [output, weights] : output;
}

export const attention: Lowering = (b, call) => {
  const { options, inputs, weights } = call;
  const [query, value, key = value] = inputs as [Value, Value, Value?];
  const scaled = (scores: Value): Value => (weights.scale ? b.mul(scores, b.weight(weights.scale)) : scores);
  const scores =
    options.score_mode === 'concat'
      ? b.mul(b.reduce('sum', b.unary('tanh', scaled(pairs(b, query, key))), [3], false), b.weight(weights.concat_score_weight!))
      : scaled(b.matmul(query, key, true));
  return attended(b, scores, call);
};

export const additiveAttention: Lowering = (b, call) => {
  const [query, value, key = value] = call.inputs as [Value, Value, Value?];
  const terms = b.unary('tanh', pairs(b, query, key));
  return attended(b, b.reduce('sum', call.weights.scale ? b.mul(terms, b.weight(call.weights.scale)) : terms, [3], false), call);
};

// Labels: b the batch, t and s steps of query and key, c channels, g heads of key and value, r heads of the query to each, k and v dimensions of a head.
const labels = (text: string): string[] => [...text];

/** Attention in several heads, of the query's steps over the key's. */
export function headedAttention(headsOf: (options: Options, shapes: AttentionShapes) => Heads): Lowering {
  return (b, call) => {
    const { options, inputs, weights, callOptions } = call;
    const [query, value, key = value] = inputs as [Value, Value, Value?];
    const { heads, keyHeads, keyDim, valueDim, output } = headsOf(options, attentionShapes(inputs.map(sampleShape)));
    const shared = heads / keyHeads;
    const project = (x: Value, name: string): Value => {
      const product = contract(b, x, labels('btc'), b.weight(weights[`${name}/kernel`]!), labels('chd'), labels('bthd'));
      const bias = weights[`${name}/bias`];
      return bias ? b.add(product, b.weight(bias)) : product;
    };
    const scaled = b.mul(project(query, 'query'), 1 / Math.sqrt(keyDim));
    const grouped = b.reshape(scaled, [...query.shape.slice(0, 2), keyHeads, shared, keyDim]);
    const scores =
      shared === 1
        ? contract(b, scaled, labels('btgk'), project(key, 'key'), labels('bsgk'), labels('bgts'))
        : contract(b, grouped, labels('btgrk'), project(key, 'key'), labels('bsgk'), labels('bgrts'));
    const asked = callOptions.return_attention_scores === true;
    const masking = asked || number(options, 'dropout', 0) > 0 ? 'zero' : 'equal';
    const kept = attentionWeights(b, scores, maskOf(b, call, keyHeads, shared, scores), masking);
    const values = project(value, 'value');
    const joined =
      shared === 1
        ? contract(b, kept, labels('bgts'), values, labels('bsgv'), labels('btgv'))
        : b.reshape(contract(b, kept, labels('bgrts'), values, labels('bsgv'), labels('btgrv')), [
            ...query.shape.slice(0, 2),
            heads,
            valueDim,
          ]);
    const gated = options.use_gate === true ? b.mul(joined, b.unary('sigmoid', project(query, 'gate'))) : joined;
    const axes = output.map((_size, axis) => `o${axis}`);
    const kernel = b.weight(weights['attention_output/kernel']!);
    const y = contract(b, gated, labels('bthv'), kernel, [...labels('hv'), ...axes], [...labels('bt'), ...axes]);
    const bias = weights['attention_output/bias'];
    const result = bias ? b.add(y, b.weight(bias)) : y;
    const whole = shared === 1 ? kept : b.reshape(kept, [query.shape[0]!, heads, query.shape[1]!, key.shape[1]!]);
    return asked ? [result, whole] : result;
  };
}

/** Which pairs of steps count, stretching over the scores: [batch, heads, query steps, key steps], of which heads may be two axes. */
function maskOf(
  b: ProgramBuilder,
  { options, masks, extras, callOptions }: LoweredCall,
  groups: number,
  shared: number,
  scores: Value,
): Value | null {
  const [queries, keys] = scores.shape.slice(-2) as [Dimension, Dimension];
  const [query, value, key] = masks;
  const steps = allOf(
    b,
    query ? b.expandDims(query, 2) : null,
    value ? b.expandDims(value, 1) : null,
    key ? b.expandDims(key, 1) : null,
    callOptions.use_causal_mask === true ? causalMask(b, queries, keys) : null,
    typeof options.sliding_window === 'number' ? slidingMask(b, queries, keys, options.sliding_window) : null,
  );
  const given = attentionMask(b, extras.attention_mask?.[0], callOptions.attention_mask as Operand | undefined);
  const headAxes = shared === 1 ? [1] : [1, 1];
  // [batch, query steps, key steps], or with an axis for heads, whose groups may be apart.
  const ofHeads = given && given.shape.length === 4 ? given : null;
  const apart =
    ofHeads && shared > 1 ? [ofHeads.shape[0]!, ...(ofHeads.shape[1] === 1 ? [1, 1] : [groups, shared]), ...ofHeads.shape.slice(2)] : null;
  const pairs = allOf(b, steps, ofHeads ? null : given);
  return allOf(
    b,
    pairs && b.reshape(pairs, [pairs.shape[0]!, ...headAxes, ...pairs.shape.slice(1)]),
    ofHeads && apart ? b.reshape(ofHeads, apart) : ofHeads,
  );
}

function attentionMask(b: ProgramBuilder, tensor: Value | undefined, operand: Operand | undefined): Value | null {
  const mask = tensor ?? (isConstant(operand) ? constant(Float32Array.from(operand.constant.values), operand.constant.shape) : null);
  if (!mask) return null;
  const flagged = truth(b, mask);
  return flagged.shape.length === 2 ? b.expandDims(flagged, 0) : flagged;
}

export const softmax: Lowering = (b, { options, inputs: [x], masks: [mask] }) => {
  const axes = softmaxAxes(options, x!.shape.length - 1).map((axis) => axis + 1);
  const compute = (from: Value): Value => {
    if (axes.length === 1) return b.softmax(from, axes[0]!);
    const powers = b.unary('exp', b.sub(from, b.reduce('max', from, axes)));
    return b.div(powers, b.reduce('sum', powers, axes));
  };
  if (!mask) return compute(x!);
  return b.mul(compute(b.where(mask, x!, MASKED)), b.cast(mask, 'float32'));
};
