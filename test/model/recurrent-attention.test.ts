/** What is known of recurrent, attention and embedding layers without running them: shapes, weights, costs, and what is refused. */
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/errors.ts';
import { parameterCount, totalMacs } from '../../src/model/costs.ts';
import { readGraph } from '../../src/model/graph.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { functional, layer, sequential } from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const cell = (className: string, config: Record<string, unknown>) => ({ module: 'keras.layers', class_name: className, config });
const lstm = (name: string, options: Record<string, unknown> = {}) =>
  layer('LSTM', name, { units: 4, activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true, ...options });
const attention = (options: Record<string, unknown> = {}) =>
  layer('MultiHeadAttention', 'a', { num_heads: 2, key_dim: 3, use_bias: true, ...options });

describe('a recurrent layer', () => {
  it.each([
    // 5 steps of 4 gates of 4 units that read 3 features and 4 units.
    ['an LSTM', lstm('l'), [4], 4 * (4 * (3 + 4) + 4), 5 * 4 * 4 * (3 + 4)],
    ['an LSTM that returns sequences', lstm('l', { return_sequences: true }), [5, 4], 128, 560],
    ['a GRU', layer('GRU', 'l', { units: 4, reset_after: true }), [4], 3 * (4 * 7 + 2 * 4), 5 * 3 * 4 * 7],
    ['a GRU that resets before', layer('GRU', 'l', { units: 4, reset_after: false }), [4], 3 * (4 * 7 + 4), 420],
    ['a SimpleRNN without bias', layer('SimpleRNN', 'l', { units: 4, use_bias: false }), [4], 4 * 7, 5 * 4 * 7],
    [
      'stacked cells',
      layer('RNN', 'l', { cell: cell('StackedRNNCells', { cells: [cell('LSTMCell', { units: 4 }), cell('GRUCell', { units: 2 })] }) }),
      [2],
      128 + 3 * (2 * 6 + 2 * 2),
      560 + 5 * 3 * 2 * 6,
    ],
    [
      'two directions',
      layer('Bidirectional', 'l', {
        layer: lstm('forward'),
        backward_layer: lstm('backward', { go_backwards: true }),
        merge_mode: 'concat',
      }),
      [8],
      256,
      1120,
    ],
  ])('%s has its shape, parameters and multiply-accumulates', (_name, entry, shape, parameters, macs) => {
    const graph = readGraph(sequential([5, 3], [entry]));
    expect(graph.outputs[0]!.shape).toEqual(shape);
    expect(parameterCount(graph).total).toBe(parameters);
    expect(totalMacs(graph)).toBe(macs);
  });

  it('gives up input channels, and units in every gate and in its state', () => {
    const map = channelMap(
      readGraph(sequential([5, 3], [layer('Dense', 'd', { units: 6 }), lstm('l'), layer('Dense', 'out', { units: 2 })])),
    );
    const [input, units] = map.groups;
    expect(input).toMatchObject({ layers: ['d'], frozen: null });
    expect(units).toMatchObject({ layers: ['l'], frozen: null });
    const own = [...units!.units];
    const gates = Int32Array.from([...own, ...own, ...own, ...own]);
    const bound = (weight: string) => map.bindings.get(`l/${weight}`)!.toSorted((a, b) => a.axis - b.axis);
    expect(bound('kernel')).toEqual([
      { axis: 0, units: input!.units },
      { axis: 1, units: gates },
    ]);
    expect(bound('recurrent_kernel')).toEqual([
      { axis: 0, units: units!.units },
      { axis: 1, units: gates },
    ]);
    expect(bound('bias')).toEqual([{ axis: 0, units: gates }]);
    expect(map.bindings.get('out/kernel')).toContainEqual({ axis: 0, units: units!.units });
  });

  it.each([
    ['stateful', { stateful: true }, /stateful true; accepted: false/],
    ['a recurrent activation', { recurrent_activation: 'cube' }, /recurrent_activation "cube"; accepted: linear, relu/],
    ['dropout of all', { dropout: 1 }, /dropout 1; accepted: a rate from 0 to below 1/],
  ])('is refused with %s', async (_name, options, message) => {
    await expectProblem(() => readGraph(sequential([5, 3], [lstm('l', options)])), 'UNSUPPORTED_LAYER_OPTION', message);
  });

  it.each([
    ['its states', lstm('l', { return_state: true }), 3],
    ['two outputs of its directions', layer('Bidirectional', 'l', { layer: lstm('forward'), merge_mode: null }), 2],
  ])('cannot stand in a chain with %s', async (_name, entry, outputs) => {
    const message = new RegExp(`l in a Sequential model has ${outputs} outputs`);
    await expectProblem(() => readGraph(sequential([5, 3], [entry])), 'MODEL_UNREADABLE', message);
  });

  it('is unreadable over a cell that is not one of Keras’ own', async () => {
    const entry = layer('RNN', 'l', { cell: { ...cell('MyCell', { units: 4 }), module: 'mine' } });
    await expectProblem(() => readGraph(sequential([5, 3], [entry])), 'MODEL_UNREADABLE', /MyCell/);
  });

  it.each([[[3]], [[5, 4, 3]], [[5, null]]])('is unreadable on inputs of shape %j', async (shape) => {
    await expectProblem(() => readGraph(sequential(shape, [lstm('l')])), 'MODEL_UNREADABLE', /\[time, features\]/);
  });
});

describe('a TimeDistributed layer', () => {
  it('costs its layer once a step', () => {
    const inner = layer('Dense', 'd', { units: 5, use_bias: true });
    const graph = readGraph(sequential([4, 3], [layer('TimeDistributed', 't', { layer: inner })]));
    expect(graph.outputs[0]!.shape).toEqual([4, 5]);
    expect(parameterCount(graph).total).toBe(20);
    expect(totalMacs(graph)).toBe(4 * 15);
  });

  it('is unreadable around a normalisation, which Keras runs by each step’s own batch', async () => {
    const entry = layer('TimeDistributed', 't', { layer: layer('BatchNormalization', 'n') });
    await expectProblem(() => readGraph(sequential([4, 3], [entry])), 'MODEL_UNREADABLE', /BatchNormalization/);
  });

  it('refuses what its layer refuses', async () => {
    const entry = layer('TimeDistributed', 't', { layer: layer('Dense', 'd', { units: 5, activation: 'cube' }) });
    await expectProblem(() => readGraph(sequential([4, 3], [entry])), 'UNSUPPORTED_LAYER_OPTION', /activation "cube"/);
  });
});

describe('an Embedding', () => {
  it('is cut by its dimensions', () => {
    const embedding = layer('Embedding', 'e', { input_dim: 7, output_dim: 3 });
    const graph = readGraph(sequential([4], [embedding, lstm('l')]));
    expect(graph.shapes[1]).toEqual([4, 3]);
    const map = channelMap(graph);
    expect(map.groups[0]).toMatchObject({ layers: ['e'], frozen: null });
    expect(map.bindings.get('e/embeddings')).toEqual([{ axis: 1, units: map.groups[0]!.units }]);
    expect(totalMacs(graph)).toBe(4 * 4 * 4 * (3 + 4));
  });

  it('makes a mask, which reaches a recurrent layer through what carries it and ends there', () => {
    const embedding = layer('Embedding', 'e', { input_dim: 7, output_dim: 3, mask_zero: true });
    const graph = readGraph(
      sequential([4], [embedding, layer('Dropout', 'd', { rate: 0.5 }), lstm('l'), layer('Dense', 'o', { units: 2 })]),
    );
    const [made, carried, read, last] = graph.calls;
    expect(graph.shapes[made!.mask!]).toEqual([4]);
    expect([carried!.mask, read!.masks, last!.masks]).toEqual([null, [made!.mask], [null]]);
    expect(graph.outputs[0]!.mask).toBeUndefined();
  });

  it('gives the model a masked output where nothing drops its mask', () => {
    const embedding = layer('Embedding', 'e', { input_dim: 7, output_dim: 3, mask_zero: true });
    const graph = readGraph(sequential([4], [embedding, lstm('l', { return_sequences: true })]));
    expect(graph.outputs[0]!.mask).toBe(graph.calls[0]!.mask);
  });
});

describe('a multi-head attention', () => {
  const graphOf = (entry: ReturnType<typeof layer>) =>
    readGraph(
      functional((net) => {
        const x = net.call(layer('Dense', 'd', { units: 5 }), net.input('x', [4, 6]));
        return net.call(entry, x, x);
      }),
    );

  it('has the weights of its projections, and costs them and its scores', () => {
    const graph = graphOf(attention({ value_dim: 4 }));
    const { weights } = graph.layers[1]!;
    expect(weights.map(({ name, shape, store }) => [name, shape, store])).toEqual([
      ['query/kernel', [5, 2, 3], 'query_dense/vars/0'],
      ['query/bias', [2, 3], 'query_dense/vars/1'],
      ['key/kernel', [5, 2, 3], 'key_dense/vars/0'],
      ['key/bias', [2, 3], 'key_dense/vars/1'],
      ['value/kernel', [5, 2, 4], 'value_dense/vars/0'],
      ['value/bias', [2, 4], 'value_dense/vars/1'],
      ['attention_output/kernel', [2, 4, 5], 'output_dense/vars/0'],
      ['attention_output/bias', [5], 'output_dense/vars/1'],
    ]);
    // Query and key 2·30 a step, value and output 2·40, scores 2 heads · 4 · 4 pairs of 3, means of 4.
    expect(totalMacs(graph)).toBe(4 * 30 + 4 * (60 + 80) + 2 * 16 * (3 + 4));
  });

  it('ties the query’s channels to its output, which the model may not lose, unless it has its own', () => {
    expect(channelMap(graphOf(attention())).groups[0]!.frozen).toMatchObject({ reason: 'MODEL_OUTPUT' });
    const config = functional((net) => {
      const x = net.call(layer('Dense', 'd', { units: 5 }), net.input('x', [4, 6]));
      return net.call(layer('Dense', 'out', { units: 2 }), net.call(attention(), x, x));
    });
    expect(channelMap(readGraph(config)).groups[0]).toMatchObject({ kind: 'channels', layers: ['d', 'a'], frozen: null });
    const map = channelMap(graphOf(attention({ output_shape: 3 })));
    expect(map.groups[0]).toMatchObject({ layers: ['d'], frozen: null });
    const unitsOf = (kind: string) => map.groups.find((group) => group.kind === kind)!.units;
    for (const name of ['query', 'key', 'value']) {
      expect(map.bindings.get(`a/${name}/kernel`)).toEqual([
        { axis: 0, units: map.groups[0]!.units },
        { axis: 1, units: unitsOf('heads') },
        { axis: 2, units: unitsOf('key_dimensions') },
      ]);
    }
  });

  it('is refused with other axes', async () => {
    await expectProblem(() => graphOf(attention({ attention_axes: [1, 2] })), 'UNSUPPORTED_LAYER_OPTION', /attention_axes/);
  });

  it('is told by its call to be causal', () => {
    const config = functional((net) => {
      const x = net.input('x', [4, 5]);
      return net.call(attention(), x, x);
    });
    const entries = (config.config as { layers: { config: { name: string }; inbound_nodes: { kwargs: object }[] }[] }).layers;
    entries.find((entry) => entry.config.name === 'a')!.inbound_nodes[0]!.kwargs = { use_causal_mask: true, training: false };
    expect(readGraph(config).calls[0]!.callOptions).toEqual({ use_causal_mask: true });
  });
});

describe('an EinsumDense', () => {
  const einsum = (equation: string, output: unknown, bias: string | null = null) =>
    readGraph(sequential([4, 5], [layer('EinsumDense', 'e', { equation, output_shape: output, bias_axes: bias })]));

  it.each([
    ['abc,cd->abd', [null, 3], [4, 3], [5, 3], 4 * 5 * 3],
    ['...c,cd->...d', 3, [4, 3], [5, 3], 60],
    ['abc,cde->abde', [null, 2, 3], [4, 2, 3], [5, 2, 3], 4 * 5 * 6],
    ['abc,bd->adc', [3, 5], [3, 5], [4, 3], 60],
  ])('%s has its shapes', (equation, output, shape, kernel, macs) => {
    const graph = einsum(equation, output);
    expect(graph.outputs[0]!.shape).toEqual(shape);
    expect(graph.layers[0]!.weights[0]!.shape).toEqual(kernel);
    expect(totalMacs(graph)).toBe(macs);
  });

  it.each([
    ['no equation', 'abc', /must be like/],
    ['another rank', 'ab,bc->ac', /does not fit an input of 3 axes/],
    ['an axis twice', 'abb,bc->abc', /repeats an axis/],
    ['an axis from nowhere', 'abc,cd->abe', /nowhere else/],
    ['the batch in its kernel', 'abc,ac->abc', /must keep the batch/],
  ])('is unreadable with %s', (_name, equation, message) => {
    expect(() => einsum(equation, [null, 3])).toThrow(Problem);
    expect(() => einsum(equation, [null, 3])).toThrow(message);
  });
});
