import { type AttentionShapes, attentionMacs, attentionShapes, coupleAttention, refuseAttentionDropout } from './attention-shapes.ts';
import type { LayerClass, Options, WeightSpec } from './layer-class.ts';
import { size } from './layer-class.ts';
import { masksOver } from './masking.ts';
import { firstRefusal, flag, integer } from './options.ts';

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
      // Without an output shape of its own the output has as many channels as the query.
      const free = (options.output_shape ?? null) === null ? [1, 2] : [0, 1, 2];
      const [query, value, key = value] = coupling.inputs;
      if (free.includes(0)) {
        coupling.bind('query/kernel', 0, query!);
        if (flag(options, 'use_gate', false)) coupling.bind('gate/kernel', 0, query!);
      }
      coupling.bind('key/kernel', 0, key!);
      coupling.bind('value/kernel', 0, value!);
      return coupleAttention(coupling, free);
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
