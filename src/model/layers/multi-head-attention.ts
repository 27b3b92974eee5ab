import { type AttentionShapes, attentionMacs, attentionShapes, refuseAttentionDropout } from './attention-shapes.ts';
import type { LayerClass, Options, Units, WeightSpec } from './layer-class.ts';
import { size } from './layer-class.ts';
import { masksOver } from './masking.ts';
import { firstRefusal, flag, integer } from './options.ts';
import { repeated } from './units.ts';

/** The heads of a multi-head attention. */
export interface Heads {
  heads: number;
  /** Heads of key and value; each serves `heads / keyHeads` of the query's. */
  keyHeads: number;
  keyDim: number;
  valueDim: number;
  /** What the output's last axes are. */
  output: readonly number[];
}

/** A layer of projections to heads, attention in each head, and a projection of all heads; `folderPrefix` is of the projections' folders. */
export function headedAttention(headsOf: (options: Options, shapes: AttentionShapes) => Heads, folderPrefix: string): LayerClass {
  const weights = (options: Options, shapes: AttentionShapes): WeightSpec[] => {
    const { heads, keyHeads, keyDim, valueDim, output } = headsOf(options, shapes);
    const projection = (name: string, input: readonly number[], to: readonly number[], folder: string): WeightSpec[] => [
      {
        name: `${name}/kernel`,
        shape: [...input, ...to],
        role: 'kernel',
        axes: { input: 0, output: input.length + to.length - 1 },
        unitAxes: input.map((_, axis) => axis),
        store: `${folder}/vars/0`,
      },
      ...(flag(options, 'use_bias', true) ? [{ name: `${name}/bias`, shape: to, role: 'bias', store: `${folder}/vars/1` } as const] : []),
    ];
    return [
      ...projection('query', [shapes.query[1]], [heads, keyDim], `${folderPrefix}query_dense`),
      ...projection('key', [shapes.key[1]], [keyHeads, keyDim], `${folderPrefix}key_dense`),
      ...(flag(options, 'use_gate', false) ? projection('gate', [shapes.query[1]], [heads, valueDim], '_gate_dense') : []),
      ...projection('value', [shapes.value[1]], [keyHeads, valueDim], `${folderPrefix}value_dense`),
      ...projection('attention_output', [heads, valueDim], output, `${folderPrefix}output_dense`),
    ];
  };
  return {
    refuse: (options) =>
      firstRefusal(
        refuseAttentionDropout(options),
        [undefined, null, '[1]'].includes(options.attention_axes ? JSON.stringify(options.attention_axes) : null)
          ? null
          : { option: 'attention_axes', received: options.attention_axes, accepted: 'null, [1]' },
      ),
    outputShape: (options, inputs) => {
      const shapes = attentionShapes(inputs);
      return [shapes.query[0], ...headsOf(options, shapes).output];
    },
    weights: (options, inputs) => weights(options, attentionShapes(inputs)),
    macs: (options, inputs) => {
      const shapes = attentionShapes(inputs);
      const { heads, keyDim, valueDim } = headsOf(options, shapes);
      const projections = weights(options, shapes)
        .filter(({ role }) => role === 'kernel')
        .map(({ name, shape }) => (/^(key|value)/.test(name) ? (shapes.value[0] ?? 1) : (shapes.query[0] ?? 1)) * size(shape));
      return projections.reduce((total, macs) => total + macs, attentionMacs(shapes, heads * keyDim, heads * valueDim));
    },
    couple: (options, coupling) => {
      const { heads, keyHeads, keyDim, valueDim, output } = headsOf(options, attentionShapes(coupling.inputShapes));
      const [query, value, key = value] = coupling.inputs;
      coupling.inputs.forEach((_units, index) => {
        coupling.reads(index);
      });
      // A head of the keys goes with all heads of the query that share it.
      const keyHeadUnits = coupling.inner('heads', 'heads', keyHeads);
      const headUnits = repeated(keyHeadUnits, heads / keyHeads);
      const keyUnits = coupling.inner('key_dimensions', 'key_dimensions', keyDim);
      const valueUnits = coupling.inner('value_dimensions', 'value_dimensions', valueDim);
      const gated = flag(options, 'use_gate', false);
      const biased = flag(options, 'use_bias', true);
      const project = (name: string, from: Units, to: readonly [Units, Units]): void => {
        coupling.bind(`${name}/kernel`, 0, from);
        to.forEach((units, axis) => {
          coupling.bind(`${name}/kernel`, axis + 1, units);
          if (biased) coupling.bind(`${name}/bias`, axis, units);
        });
      };
      project('query', query!, [headUnits, keyUnits]);
      project('key', key!, [keyHeadUnits, keyUnits]);
      project('value', value!, [keyHeadUnits, valueUnits]);
      if (gated) project('gate', query!, [headUnits, valueUnits]);
      coupling.rescale('query/kernel', keyUnits);
      if (biased) coupling.rescale('query/bias', keyUnits);
      coupling.bind('attention_output/kernel', 0, headUnits);
      coupling.bind('attention_output/kernel', 1, valueUnits);
      if ('num_query_heads' in options) {
        coupling.resize('num_query_heads', headUnits);
        coupling.resize('num_key_value_heads', keyHeadUnits);
        coupling.resize('head_dim', keyUnits);
        coupling.tie(keyUnits, valueUnits);
      } else {
        coupling.resize('num_heads', headUnits);
        coupling.resize('key_dim', keyUnits);
        if ((options.value_dim ?? null) === null) coupling.tie(keyUnits, valueUnits);
        else coupling.resize('value_dim', valueUnits);
      }
      if (coupling.callOptions.return_attention_scores === true)
        coupling.freeze(keyHeadUnits, 'UNFOLLOWED_LAYER', 'the scores of every head are given out');
      const units = coupling.fresh(coupling.outputShape.at(-1) as number);
      coupling.bind('attention_output/kernel', 1 + output.length, units);
      if (biased) coupling.bind('attention_output/bias', output.length - 1, units);
      // Without an output shape of its own the output has as many channels as the query.
      if ((options.output_shape ?? null) === null) coupling.tie(query!, units);
      else coupling.resize('output_shape', units);
      return units;
    },
    outputShapes: (options, inputs, { return_attention_scores: scores }) => {
      const shapes = attentionShapes(inputs);
      const { heads, output } = headsOf(options, shapes);
      const result = [shapes.query[0], ...output];
      return scores === true ? [result, [heads, shapes.query[0], shapes.key[0]]] : [result];
    },
    callOptions: ['use_causal_mask', 'return_attention_scores'],
    callTensors: ['query', 'value', 'key'],
    callExtras: ['attention_mask'],
    callPositions: ['query', 'value', 'key', 'query_mask', 'value_mask', 'key_mask', 'attention_mask'],
    ...masksOver(1),
    mask: () => 'first',
  };
}

/** MultiHeadAttention (Vaswani et al. 2017): query kernel [channels, heads, key_dim], output kernel [heads, value_dim, channels]. */
export const multiHeadAttention: LayerClass = { ...headedAttention(headsOf, ''), dropsInputMasks: true };

export function headsOf(options: Options, shapes: AttentionShapes): Heads {
  const heads = integer(options, 'num_heads');
  const keyDim = integer(options, 'key_dim');
  const output = options.output_shape ?? [shapes.query[1]];
  return {
    heads,
    keyHeads: heads,
    keyDim,
    valueDim: (options.value_dim ?? null) === null ? keyDim : integer(options, 'value_dim'),
    output: (Array.isArray(output) ? output : [output]).map((axis) => integer({ output_shape: axis }, 'output_shape')),
  };
}
