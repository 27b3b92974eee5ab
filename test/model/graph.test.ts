import { describe, expect, it } from 'vitest';
import { layerEntries, readGraph, snakeCase } from '../../src/model/graph.ts';
import {
  batchNormalization,
  type Config,
  conv2d,
  dense,
  FunctionalBuilder,
  flatten,
  functional,
  input,
  type LayerEntry,
  layer,
  sequential,
} from '../helpers/documents.ts';
import { expectProblem } from '../helpers/problems.ts';

const callsOf = (config: Config) => {
  const graph = readGraph(config);
  const nameOf = (tensor: number): string =>
    graph.inputs.find((entry) => entry.tensor === tensor)?.name ?? graph.calls.find((call) => call.output === tensor)!.layer.name;
  return graph.calls.map((call) => `${call.layer.name}(${call.inputs.map(nameOf).join(',')})`);
};

const small = () => sequential([4], [dense('a', 3), dense('b', 2)]);

describe('a Sequential config', () => {
  it('becomes a chain from its InputLayer to its last layer', () => {
    const graph = readGraph(small());
    expect(callsOf(small())).toEqual(['a(input)', 'b(a)']);
    expect(graph.inputs).toEqual([{ name: 'input', tensor: 0, shape: [4], dtype: 'float32' }]);
    expect(graph.outputs).toEqual([{ name: 'b', tensor: 2, shape: [2] }]);
    expect(graph.shapes).toEqual([[4], [3], [2]]);
    expect(graph.layers.map((entry) => entry.weights)).toEqual([
      [
        { name: 'kernel', shape: [4, 3], role: 'kernel', axes: { input: 0, output: 1 } },
        { name: 'bias', shape: [3], role: 'bias' },
      ],
      [
        { name: 'kernel', shape: [3, 2], role: 'kernel', axes: { input: 0, output: 1 } },
        { name: 'bias', shape: [2], role: 'bias' },
      ],
    ]);
  });

  it('takes its input shape from build_input_shape where no InputLayer stands first', () => {
    const config = small() as { config: { layers: LayerEntry[] } };
    config.config.layers.shift();
    expect(readGraph(config).shapes).toEqual([[4], [3], [2]]);
  });

  it('takes its input shape from the first layer where Keras 2 left it', () => {
    const config = small() as { config: { layers: LayerEntry[]; build_input_shape?: unknown } };
    config.config.layers.shift();
    delete config.config.build_input_shape;
    config.config.layers[0]!.config.batch_input_shape = [null, 6];
    expect(readGraph(config).shapes[0]).toEqual([6]);
  });

  it('is refused without an input shape', async () => {
    const config = small() as { config: { layers: LayerEntry[]; build_input_shape?: unknown } };
    config.config.layers.shift();
    delete config.config.build_input_shape;
    await expectProblem(() => readGraph(config), 'MODEL_UNREADABLE', /input shape is not in the file/);
  });

  it('is refused with an InputLayer behind its first layer', async () => {
    const config = small() as { config: { layers: LayerEntry[] } };
    config.config.layers.splice(2, 0, input('again', [3]));
    await expectProblem(() => readGraph(config), 'MODEL_UNREADABLE', /again/);
  });

  it.each([[[]], [undefined], ['layers']])('is refused with the layers %j', async (layers) => {
    await expectProblem(() => readGraph({ module: 'keras', class_name: 'Sequential', config: { layers } }), 'MODEL_UNREADABLE');
  });
});

describe('a Functional config', () => {
  it('reads a residual sum', () => {
    const config = functional((net) => {
      const x = net.input('x', [4, 4, 3]);
      const a = net.call(conv2d('a', 8, 3, { padding: 'same' }), x);
      const b = net.call(conv2d('b', 8, 3, { padding: 'same' }), a);
      return net.call(layer('Add', 'sum'), a, b);
    });
    expect(callsOf(config)).toEqual(['a(x)', 'b(a)', 'sum(a,b)']);
  });

  // Keras runs what the last input needs first.
  it('keeps the order of a merging layer’s inputs', () => {
    const config = functional((net) => {
      const x = net.input('x', [4]);
      const a = net.call(dense('a', 2), x);
      const b = net.call(dense('b', 3), x);
      return net.call(layer('Concatenate', 'both', { axis: -1 }), b, a);
    });
    expect(callsOf(config)).toEqual(['b(x)', 'a(x)', 'both(b,a)']);
    expect(readGraph(config).outputs[0]!.shape).toEqual([5]);
  });

  it('reads a layer called twice as one layer with two calls, its second on a layer listed later', () => {
    const config = functional((net) => {
      const x = net.input('x', [4]);
      const first = net.call(dense('shared', 4), x);
      const middle = net.call(dense('middle', 4), first);
      return net.call(dense('shared', 4), middle);
    });
    const graph = readGraph(config);
    expect(callsOf(config)).toEqual(['shared(x)', 'middle(shared)', 'shared(middle)']);
    expect(graph.layers.map(({ name }) => name)).toEqual(['shared', 'middle']);
    expect(graph.outputs[0]!.tensor).toBe(graph.calls[2]!.output);
  });

  it('reads layers listed in any order', () => {
    const config = functional((net) => {
      const x = net.input('x', [4]);
      return net.call(dense('c', 1), net.call(dense('b', 2), net.call(dense('a', 3), x)));
    }) as { config: { layers: LayerEntry[] } };
    config.config.layers.reverse();
    expect(callsOf(config as never)).toEqual(['a(x)', 'b(a)', 'c(b)']);
  });

  it('reads inputs in the order of input_layers, not of the layers', () => {
    const config = functional((net) => {
      const x = net.input('x', [4]);
      const y = net.input('y', [2]);
      return net.call(layer('Concatenate', 'both', { axis: 1 }), x, y);
    }) as { config: { input_layers: unknown } };
    config.config.input_layers = [
      ['y', 0, 0],
      ['x', 0, 0],
    ];
    expect(readGraph(config).inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['y', [2]],
      ['x', [4]],
    ]);
  });

  it('reads dictionaries of inputs and outputs', () => {
    const config = functional((net) => net.call(dense('a', 3), net.input('x', [4]))) as { config: Record<string, unknown> };
    config.config.input_layers = { x: ['x', 0, 0] };
    config.config.output_layers = { score: ['a', 0, 0] };
    expect(readGraph(config).outputs).toEqual([{ name: 'score', tensor: 1, shape: [3] }]);
  });

  it('reads an output in the middle of the graph', () => {
    const net = new FunctionalBuilder();
    const a = net.call(dense('a', 3), net.input('x', [4]));
    const b = net.call(dense('b', 2), a);
    expect(readGraph(net.config(a, b)).outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['a', [3]],
      ['b', [2]],
    ]);
  });

  const broken = (change: (config: { layers: LayerEntry[] } & Record<string, unknown>) => void): Config => {
    const config = functional((net) => net.call(dense('b', 2), net.call(dense('a', 3), net.input('x', [4]))));
    change(config.config as never);
    return config;
  };
  const tensor = (history: unknown) => ({ class_name: '__keras_tensor__', config: { keras_history: history } });
  const node = (args: unknown, kwargs: unknown = {}) => [{ args, kwargs }];

  it.each<[string, string, (config: { layers: LayerEntry[] } & Record<string, unknown>) => void]>([
    ['a cycle', 'called on tensors that no layer makes', ({ layers }) => (layers[1]!.inbound_nodes = node([tensor(['b', 0, 0])]))],
    ['an unknown source', 'called on tensors', ({ layers }) => (layers[1]!.inbound_nodes = node([tensor(['z', 0, 0])]))],
    ['a call that is not there', 'called on tensors', ({ layers }) => (layers[2]!.inbound_nodes = node([tensor(['a', 1, 0])]))],
    ['a negative call', 'called on tensors', ({ layers }) => (layers[2]!.inbound_nodes = node([tensor(['a', -1, 0])]))],
    ['a second output tensor', 'called on tensors', ({ layers }) => (layers[2]!.inbound_nodes = node([tensor(['a', 0, 1])]))],
    ['a half call number', 'not a tensor', ({ layers }) => (layers[2]!.inbound_nodes = node([tensor(['a', 0.5, 0])]))],
    ['a history that is no list', 'not a tensor', ({ layers }) => (layers[2]!.inbound_nodes = node([tensor('a')]))],
    ['a number for a tensor', 'not a tensor', ({ layers }) => (layers[2]!.inbound_nodes = node([7]))],
    ['null for a tensor', 'not a tensor', ({ layers }) => (layers[2]!.inbound_nodes = node([null]))],
    ['a Keras 2 node of no tensor', 'not a tensor', ({ layers }) => (layers[2]!.inbound_nodes = [[['a', 0]]])],
    ['a null node', 'not Keras 3', ({ layers }) => (layers[2]!.inbound_nodes = [null])],
    ['an output of no layer', 'made by no layer', (config) => (config.output_layers = ['z', 0, 0])],
    ['outputs of another form', 'cannot be read', (config) => (config.output_layers = [['b', 0]])],
    ['no outputs', 'cannot be read', (config) => (config.output_layers = [])],
    ['inputs that are no InputLayers', 'InputLayers are others', (config) => (config.input_layers = ['a', 0, 0])],
    ['two layers of one name', 'Two layers', ({ layers }) => (layers[2]!.config.name = 'a')],
    ['a layer without a name', 'has no name', ({ layers }) => (layers[2]!.config.name = '')],
    ['a layer that is null', 'not a serialised Keras object', ({ layers }) => (layers[2] = null as never)],
    ['a layer called on too many inputs’ shapes', '', ({ layers }) => (layers[0]!.config.batch_shape = 'wide')],
  ])('with %s is unreadable', async (_what, text, change) => {
    await expectProblem(() => readGraph(broken(change)), 'MODEL_UNREADABLE', text);
  });

  it('refuses a tensor among a layer’s keyword arguments', async () => {
    const config = broken(({ layers }) => (layers[2]!.inbound_nodes = node([tensor(['a', 0, 0])], { other: tensor(['a', 0, 0]) })));
    await expectProblem(() => readGraph(config), 'UNSUPPORTED_LAYER_OPTION', /b is called with other/);
  });

  // Keras writes a layer's default into the call, and overrides it whenever it trains or predicts.
  it.each([true, false, null])('reads a call with training=%s', (training) => {
    const config = broken(({ layers }) => {
      layers[2]!.inbound_nodes = node([tensor(['a', 0, 0])], { training, mask: null });
    });
    expect(callsOf(config)).toEqual(['a(x)', 'b(a)']);
  });

  it('refuses a shared layer whose calls need different weights', async () => {
    const config = functional((net) => {
      const x = net.input('x', [4]);
      const first = net.call(dense('shared', 3), x);
      return net.call(dense('shared', 3), first);
    });
    await expectProblem(() => readGraph(config), 'MODEL_UNREADABLE', /different weights/);
  });

  it('refuses a merging layer’s inputs that do not fit', async () => {
    const merge = (className: string) =>
      functional((net) => {
        const x = net.input('x', [4, 4, 3]);
        return net.call(layer(className, 'merge'), x, net.call(conv2d('a', 3, 3), x));
      });
    await expectProblem(() => readGraph(merge('Add')), 'MODEL_UNREADABLE', /merge \(Add\): inputs of shapes \[4, 4, 3\] and \[2, 2, 3\]/);
    await expectProblem(() => readGraph(merge('Concatenate')), 'MODEL_UNREADABLE', /cannot be concatenated/);
  });
});

/** A model as a layer of another. */
const nested = (name: string, config: Config): LayerEntry => {
  const { config: options, class_name } = config as unknown as LayerEntry;
  return { module: 'keras', class_name, config: { ...options, name }, registered_name: null };
};

describe('a nested model', () => {
  const block = () => sequential([4], [dense('a', 4), dense('b', 4)]);

  it('becomes its layers, named after it, behind its own input', () => {
    const config = functional((net) => net.call(dense('out', 2), net.call(nested('block', block()), net.input('x', [4]))));
    expect(callsOf(config)).toEqual(['block/input(x)', 'block/a(block/input)', 'block/b(block/a)', 'out(block/b)']);
    expect(readGraph(config).layers.map(({ name, storePath }) => [name, storePath])).toEqual([
      ['block/input', 'layers/sequential/layers/input_layer'],
      ['block/a', 'layers/sequential/layers/dense'],
      ['block/b', 'layers/sequential/layers/dense_1'],
      ['out', 'layers/dense'],
    ]);
  });

  it('that is called twice has one set of layers', () => {
    const config = functional((net) => {
      const first = net.call(nested('block', block()), net.input('x', [4]));
      return net.call(nested('block', block()), first);
    });
    const graph = readGraph(config);
    expect(graph.layers.map(({ name }) => name)).toEqual(['block/input', 'block/a', 'block/b']);
    expect(graph.calls.map(({ layer: { name } }) => name)).toEqual([
      'block/input',
      'block/a',
      'block/b',
      'block/input',
      'block/a',
      'block/b',
    ]);
    expect(graph.outputs).toEqual([{ name: 'block', tensor: graph.calls[5]!.output, shape: [4] }]);
  });

  it('may have inputs and outputs in an order of its own', () => {
    const inner = new FunctionalBuilder();
    const [left, right] = [inner.input('left', [2]), inner.input('right', [3])];
    const both = inner.config(inner.call(dense('p', 5), right), inner.call(dense('q', 7), left)) as { config: Record<string, unknown> };
    both.config.input_layers = [
      ['right', 0, 0],
      ['left', 0, 0],
    ];
    const net = new FunctionalBuilder();
    const made = net.call(nested('both', both as never), net.input('x', [3]), net.input('y', [2]));
    const config = net.config(made) as { config: Record<string, unknown> };
    config.config.output_layers = [
      ['both', 0, 1],
      ['both', 0, 0],
    ];
    expect(callsOf(config as never)).toEqual(['both/right(x)', 'both/left(y)', 'both/q(both/left)', 'both/p(both/right)']);
    expect(readGraph(config).outputs.map(({ shape }) => shape)).toEqual([[7], [5]]);
  });

  it('may stand in a nested model', () => {
    const config = sequential([4], [nested('outer', sequential([4], [nested('inner', block()), dense('c', 2)]))]);
    expect(readGraph(config).layers.map(({ name, storePath }) => [name, storePath])).toEqual([
      ['outer/input', 'layers/sequential/layers/input_layer'],
      ['outer/inner/input', 'layers/sequential/layers/sequential/layers/input_layer'],
      ['outer/inner/a', 'layers/sequential/layers/sequential/layers/dense'],
      ['outer/inner/b', 'layers/sequential/layers/sequential/layers/dense_1'],
      ['outer/c', 'layers/sequential/layers/dense'],
    ]);
    expect(layerEntries(config).map(({ name }) => name)).toEqual([
      'input',
      'outer',
      'outer/input',
      'outer/inner',
      'outer/inner/input',
      'outer/inner/a',
      'outer/inner/b',
      'outer/c',
    ]);
  });

  it('is refused on tensors of another number or shape', async () => {
    const on = (...shapes: number[][]) => {
      const net = new FunctionalBuilder();
      return net.config(net.call(nested('block', block()), ...shapes.map((shape, index) => net.input(`x${index}`, shape))));
    };
    await expectProblem(() => readGraph(on([4], [4])), 'MODEL_UNREADABLE', /block is called on 2 tensors and has 1/);
    await expectProblem(() => readGraph(on([5])), 'MODEL_UNREADABLE', /block\/input \(InputLayer\): the input has shape \[5\]/);
  });

  it('is refused without layers, and beyond any depth or number of calls', async () => {
    await expectProblem(
      () => readGraph(sequential([4], [nested('empty', { ...block(), config: { layers: [] } })])),
      'MODEL_UNREADABLE',
      /empty/,
    );
    let deep = block();
    for (let depth = 0; depth < 40; depth++) deep = sequential([4], [nested('again', deep)]);
    await expectProblem(() => readGraph(deep), 'MODEL_UNREADABLE', /deeper/);
    let often = block();
    for (let depth = 0; depth < 15; depth++) {
      const inner = often;
      often = functional((net) =>
        net.call(nested('m', inner), net.call(nested('m', inner), net.call(nested('m', inner), net.input('x', [4])))),
      );
    }
    await expectProblem(() => readGraph(often), 'MODEL_UNREADABLE', /calls/);
  });
});

describe('an operation', () => {
  const operation = (className: string, operands: (tensor: unknown) => unknown[], kwargs = {}): Config => {
    const config = functional((net) =>
      net.call({ ...layer(className, 'op'), module: 'keras.src.ops.numpy' }, net.call(dense('a', 3), net.input('x', [4]))),
    );
    const { layers } = config.config as { layers: { inbound_nodes: { args: unknown[]; kwargs: unknown }[] }[] };
    const [node] = layers[2]!.inbound_nodes;
    node!.args = operands(node!.args[0]);
    node!.kwargs = kwargs;
    return config;
  };

  it('is read with its numbers in their places, and has no place in the weights file', () => {
    const [, op] = readGraph(operation('Subtract', (x) => [1.5, x])).layers;
    expect(op).toMatchObject({ name: 'op', className: 'ops.Subtract', options: { operands: [1.5, { tensor: 0 }] }, storePath: '' });
    expect(readGraph(operation('Add', (x) => [x, x])).calls[1]!.inputs).toEqual([1, 1]);
  });

  it.each<[string, (tensor: unknown) => unknown[], object?]>([
    ['Multiply', (x) => [x, { class_name: '__numpy__', config: {} }]],
    ['Add', (x) => [x, '1']],
    ['Add', (x) => [x]],
  ])('%s on other operands is refused (%#)', async (className, operands) => {
    await expectProblem(() => readGraph(operation(className, operands)), 'UNSUPPORTED_LAYER_OPTION', /op (.*operands|is called on)/);
  });
});

describe('a config of another kind', () => {
  it.each([null, 7, 'text', [], {}, { class_name: 'Sequential' }, { class_name: 'Sequential', config: 3 }])(
    'is unreadable: %j',
    async (config) => {
      await expectProblem(() => readGraph(config), 'MODEL_UNREADABLE');
    },
  );

  it('is refused where the model is a class of its author’s', async () => {
    await expectProblem(() => readGraph({ module: 'my.code', class_name: 'Sequential', config: {} }), 'CUSTOM_CODE_IN_MODEL', /my\.code/);
    await expectProblem(() => readGraph({ module: 'keras', class_name: 'MyModel', config: {} }), 'CUSTOM_CODE_IN_MODEL', /MyModel/);
  });

  const withLayer = (entry: LayerEntry) => sequential([4], [entry]);
  it.each<[string, LayerEntry]>([
    ['a Lambda', layer('Lambda', 'l', { function: 'x' })],
    ['a registered class', { ...layer('Dense', 'l', { units: 1 }), registered_name: 'my>Dense' }],
    ['a class of another module', { ...layer('Dense', 'l', { units: 1 }), module: 'evil.layers' }],
  ])('is refused with %s, whose code is never run', async (_what, entry) => {
    await expectProblem(() => readGraph(withLayer(entry)), 'CUSTOM_CODE_IN_MODEL', /Layer l is/);
  });

  it.each<[string, LayerEntry]>([
    ['a class that is not run', layer('StringLookup', 'l')],
    ['an operation that is not run', { ...layer('Correlate', 'l'), module: 'keras.src.ops.numpy' }],
    ['a layer of that name among the operations', { ...layer('Dense', 'l', { units: 1 }), module: 'keras.src.ops.nn' }],
    ['an operation among the layers', layer('ops.Add', 'l')],
    ['a class of an application among the layers', layer('LayerScale', 'l', { projection_dim: 4 })],
    ['a layer’s name in an application', { ...layer('Dense', 'l', { units: 1 }), module: 'keras.src.applications.convnext' }],
    ['the name of a property of every object', layer('constructor', 'l')],
  ])('is refused with %s', async (_what, entry) => {
    await expectProblem(() => readGraph(withLayer(entry)), 'UNSUPPORTED_LAYER', /Layer l is a/);
  });

  const policy = (className: string, name: string) => ({ module: 'keras', class_name: className, config: { name } });
  it.each<[string, RegExp, LayerEntry]>([
    ['an int8 policy', /QuantizedDTypePolicy/, dense('l', 1, { dtype: policy('QuantizedDTypePolicy', 'int8_from_float32') })],
    ['a policy of whole numbers', /int8/, dense('l', 1, { dtype: policy('DTypePolicy', 'int8') })],
    ['a policy by name', /complex64/, dense('l', 1, { dtype: 'complex64' })],
    ['an activation that is not run', /activation "glu"/, dense('l', 1, { activation: 'glu' })],
    ['an activation object', /activation/, dense('l', 1, { activation: { class_name: 'LeakyReLU', config: {} } })],
    ['LoRA weights', /lora_rank 4/, dense('l', 1, { lora_rank: 4 })],
    ['renormalisation', /renorm/, batchNormalization('l', { renorm: true })],
    ['synchronised normalisation', /synchronized/, batchNormalization('l', { synchronized: true })],
    ['an epsilon that is no number', /Layer l .*epsilon "x"; accepted: a number/, batchNormalization('l', { epsilon: 'x' })],
    [
      'a number that is none in a wrapped layer',
      /epsilon "x"/,
      layer('TimeDistributed', 'l', { layer: layer('LayerNormalization', 'n', { epsilon: 'x' }) }),
    ],
    ['a scale that is no number', /scale/, layer('Rescaling', 'l', { scale: ['1', 2, 3, 4] })],
  ])('is refused with %s', async (_what, text, entry) => {
    await expectProblem(() => readGraph(withLayer(entry)), 'UNSUPPORTED_LAYER_OPTION', text);
  });

  it.each<[string, RegExp, LayerEntry]>([
    ['channels first', /channels_first/, conv2d('l', 1, 3, { data_format: 'channels_first' })],
    ['strides and dilation at once', /dilation_rate/, conv2d('l', 4, 3, { dilation_rate: [2, 2], strides: [2, 2] })],
    ['a depthwise stride an axis', /strides/, layer('DepthwiseConv2D', 'l', { kernel_size: [3, 3], strides: [1, 2] })],
    ['a dilated transposed convolution', /dilation_rate/, layer('Conv2DTranspose', 'l', { filters: 1, kernel_size: 3, dilation_rate: 2 })],
    ['bicubic resizing', /interpolation "bicubic"/, layer('Resizing', 'l', { height: 2, width: 2, interpolation: 'bicubic' })],
    ['resizing by the aspect ratio', /crop_to_aspect/, layer('Resizing', 'l', { height: 2, width: 2, crop_to_aspect_ratio: true })],
    ['Keras’ former RMS scaling', /rms_scaling/, layer('LayerNormalization', 'l', { rms_scaling: true })],
    ['causal padding', /causal/, conv2d('l', 4, 3, { padding: 'causal' })],
    ['a padding of pooling that is none', /padding/, layer('MaxPooling2D', 'l', { pool_size: [2, 2], strides: [2, 2], padding: 'full' })],
  ])('is refused with %s', async (_what, text, entry) => {
    await expectProblem(() => readGraph(sequential([8, 8, 4], [entry])), 'UNSUPPORTED_LAYER_OPTION', text);
  });

  it.each<[string, RegExp, readonly (number | null)[], LayerEntry]>([
    ['half a unit', /units is 1\.5/, [4], dense('l', 1.5)],
    ['no units', /units is 0/, [4], dense('l', 0)],
    ['units as text', /units is "3"/, [4], dense('l', '3' as never)],
    ['a window that does not fit', /does not fit/, [2, 8, 3], conv2d('l', 4, 3)],
    ['a convolution of a vector', /height, width, channels/, [8], conv2d('l', 4, 3)],
    ['a pooling of a vector', /height, width, channels/, [8], layer('GlobalMaxPooling2D', 'l')],
    ['a dense layer on a free axis', /fixed size/, [null], dense('l', 4)],
    ['a flattening of a free axis', /fixed size/, [null, 4], flatten('l')],
    ['a reshaping that does not fit', /cannot become/, [6], layer('Reshape', 'l', { target_shape: [4, -1] })],
    ['normalisation of an axis that is not there', /axis/, [4, 4, 3], batchNormalization('l', { axis: 4 })],
    ['groups that do not divide the channels', /groups/, [4, 4, 3], conv2d('l', 4, 3, { groups: 2 })],
    ['groups of a normalisation that do not', /groups/, [4, 4, 3], layer('GroupNormalization', 'l', { groups: 2 })],
    ['a noise shape for a batch of one size', /noise_shape/, [4], layer('Dropout', 'l', { rate: 0.5, noise_shape: [32, 4] })],
    ['a noise shape of another rank', /noise_shape/, [4], layer('Dropout', 'l', { rate: 0.5, noise_shape: [4] })],
    ['a scale for other channels', /lists 2 numbers/, [3], layer('Rescaling', 'l', { scale: [1, 2] })],
    ['a cropping of everything', /leaves nothing/, [4, 4, 3], layer('Cropping2D', 'l', { cropping: 2 })],
    ['a crop of more than there is', /at least 5 by 2/, [4, 4, 3], layer('CenterCrop', 'l', { height: 5, width: 2 })],
    ['a permutation of other axes', /dims/, [4, 3], layer('Permute', 'l', { dims: [1, 3] })],
    ['a normalisation of an axis twice', /axis/, [4, 3], layer('LayerNormalization', 'l', { axis: [-1, 2] })],
    [
      'an output padding of a whole stride',
      /output_padding/,
      [4, 3],
      layer('Conv1DTranspose', 'l', { filters: 1, kernel_size: 3, output_padding: 1 }),
    ],
    ['a concatenation along the batch', /axis/, [4], layer('Concatenate', 'l', { axis: 0 })],
    ['a padding that is no number', /padding/, [4, 4, 3], layer('ZeroPadding2D', 'l', { padding: [['a', 1], 1] })],
    [
      'a negative padding',
      /padding/,
      [4, 4, 3],
      layer('ZeroPadding2D', 'l', {
        padding: [
          [-1, 1],
          [1, 1],
        ],
      }),
    ],
    ['a tensor beyond any machine', /elements/, [4, 4, 3], layer('ZeroPadding2D', 'l', { padding: 1_000_000 })],
  ])('is unreadable with %s', async (_what, text, shape, entry) => {
    await expectProblem(() => readGraph(sequential(shape, [entry])), 'MODEL_UNREADABLE', text);
  });

  it('is refused with an input of texts', async () => {
    const config = sequential([4], [dense('a', 1)]) as { config: { layers: LayerEntry[] } };
    config.config.layers[0]!.config.dtype = 'string';
    await expectProblem(() => readGraph(config), 'UNSUPPORTED_LAYER_OPTION', /string/);
  });
});

describe('a layer’s place in the weights file', () => {
  it('counts layers of a class in config order, without a number for the first', () => {
    const config = sequential([8, 8, 1], [conv2d('z', 2, 3), conv2d('a', 2, 3), batchNormalization('n'), flatten('f'), dense('d', 1)]);
    expect(readGraph(config).layers.map(({ name, storePath }) => [name, storePath])).toEqual([
      ['z', 'layers/conv2d'],
      ['a', 'layers/conv2d_1'],
      ['n', 'layers/batch_normalization'],
      ['f', 'layers/flatten'],
      ['d', 'layers/dense'],
    ]);
  });

  // What keras.src.utils.naming.to_snake_case gives, run on these names.
  it.each([
    ['Dense', 'dense'],
    ['Conv2D', 'conv2d'],
    ['MaxPooling2D', 'max_pooling2d'],
    ['GlobalAveragePooling2D', 'global_average_pooling2d'],
    ['BatchNormalization', 'batch_normalization'],
    ['ReLU', 're_lu'],
    ['LeakyReLU', 'leaky_re_lu'],
    ['ZeroPadding2D', 'zero_padding2d'],
    ['GRU', 'gru'],
    ['Conv2DTranspose', 'conv2d_transpose'],
    ['UnitNormalization', 'unit_normalization'],
    ['MyRNNCell', 'my_rnn_cell'],
    ['a b-c', 'abc'],
  ])('is %s in snake case: %s', (name, snake) => expect(snakeCase(name)).toBe(snake));
});
