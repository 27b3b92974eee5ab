import { resolve } from 'node:path';
import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { ModelFacts } from '../../src/model/facts.ts';
import { modelFacts, readModelFacts } from '../../src/pruning/inspect.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, functional, layer, sequential } from '../helpers/documents.ts';

const example = (name: string) => resolve(import.meta.dirname, '../../examples', name);

describe('the facts of a model', () => {
  it('says where multiply-accumulates hang on a free axis', () => {
    const layers = [conv2d('c', 4, 3), layer('GlobalAveragePooling2D', 'g'), dense('out', 2)];
    const told = (shape: (number | null)[]) => modelFacts(documentOf(sequential(shape, layers))).warnings;
    expect(told([null, 8, 3])).toEqual([
      {
        code: 'FREE_AXES_COUNT_AS_ONE',
        detail:
          "Multiply-accumulates, of layer c first, hang on free axes (input [any, 8, 3]), which count as 1 here; jobs count them as long as their data's.",
      },
    ]);
    expect(told([8, 8, 3])).toEqual([]);
  });

  it('of the seed’s example', async () => {
    const facts = await readModelFacts(example('seed/seed.keras'));
    expect(Value.Check(ModelFacts, facts)).toBe(true);
    expect(facts).toMatchObject({
      format: 'keras',
      keras_version: '3.15.1',
      name: 'seed',
      inputs: [{ name: 'features', shape: [null, 20] }],
      outputs: [{ name: 'target', shape: [null, 1], activation: 'linear' }],
      parameters: 210 + 110 + 11,
      trainable_parameters: 331,
      macs: 200 + 100 + 10,
      compile: { loss: 'mean_squared_error', optimizer: 'Adam' },
      prunability: { prunable_weights: 310, prunable_layers: ['hidden_1', 'hidden_2', 'target'] },
      warnings: [],
    });
    expect(facts.prunability.groups.map(({ layers, units, frozen }) => [layers, units, frozen?.reason])).toEqual([
      [['hidden_1'], 10, undefined],
      [['hidden_2'], 10, undefined],
      [['target'], 1, 'MODEL_OUTPUT'],
    ]);
  });

  it('of LeNet-5, layer by layer', async () => {
    const facts = await readModelFacts(example('mnist/lenet_5.keras'));
    expect(facts.layers.map(({ name, output_shape, parameters, macs }) => [name, output_shape.slice(1), parameters, macs])).toEqual([
      ['conv_1', [24, 24, 20], 520, 288_000],
      ['pool_1', [12, 12, 20], 0, 0],
      ['conv_2', [8, 8, 50], 25_050, 1_600_000],
      ['pool_2', [4, 4, 50], 0, 0],
      ['flatten', [800], 0, 0],
      ['hidden', [500], 400_500, 400_000],
      ['digits', [10], 5_010, 5_000],
    ]);
    expect(facts).toMatchObject({ parameters: 431_080, macs: 2_293_000, outputs: [{ activation: 'softmax' }] });
  });

  const facts = (config: Parameters<typeof documentOf>[0]) => {
    const result = modelFacts(documentOf(config));
    expect([...Value.Errors(ModelFacts, result)]).toEqual([]);
    return result;
  };

  it('count running statistics and frozen layers apart', () => {
    const { layers } = facts(sequential([3], [dense('a', 2, { trainable: false }), batchNormalization('n')]));
    expect(layers.map(({ parameters, trainable_parameters }) => [parameters, trainable_parameters])).toEqual([
      [8, 0],
      [8, 4],
    ]);
  });

  it.each([
    ['softmax', [dense('a', 2, { activation: 'softmax' })]],
    ['softmax', [dense('a', 2), layer('Softmax', 's')]],
    ['sigmoid', [dense('a', 2), layer('Activation', 's', { activation: 'sigmoid' })]],
    ['relu', [dense('a', 2), layer('ReLU', 's')]],
    ['linear', [dense('a', 2)]],
    ['linear', [dense('a', 2, { activation: 'relu' }), batchNormalization('n')]],
    ['softmax', [dense('a', 2, { activation: 'softmax' }), layer('Reshape', 'r', { target_shape: [2, 1] }), flatten('f')]],
    ['softmax', [dense('a', 2, { activation: 'softmax' }), layer('Activation', 'l', { activation: 'linear' })]],
    ['sigmoid', [dense('a', 2, { activation: 'sigmoid' }), layer('Dropout', 'd', { rate: 0.1 })]],
    ['linear', [dense('a', 2, { activation: 'softmax' }), layer('Rescaling', 'r', { scale: 2, offset: 1 })]],
  ])('name the activation that makes the output: %s', (activation, layers) => {
    expect(facts(sequential([3], layers)).outputs[0]!.activation).toBe(activation);
  });

  it('know no activation of an input that is an output', () => {
    const config = functional((net) => {
      const x = net.input('x', [3]);
      return [x, net.call(dense('a', 2), x)];
    });
    expect(facts(config).outputs.map(({ name, activation }) => [name, activation])).toEqual([
      ['x', null],
      ['a', 'linear'],
    ]);
  });

  it.each([
    [
      { loss: 'mse', optimizer: 'sgd' },
      { loss: 'mse', optimizer: 'sgd' },
    ],
    [
      {
        loss: { module: 'keras.losses', class_name: 'SparseCategoricalCrossentropy', config: { from_logits: true } },
        optimizer: { module: 'keras.optimizers', class_name: 'Adam', config: { learning_rate: 0.1 } },
      },
      { loss: 'SparseCategoricalCrossentropy', optimizer: 'Adam' },
    ],
    [{ loss: { class_name: 'function', config: 'mean_absolute_error' } }, { loss: 'mean_absolute_error', optimizer: null }],
    [
      { loss: ['mse', 'mae'], optimizer: 7 },
      { loss: null, optimizer: null },
    ],
  ])('read the compile_config %j', (compile, expected) => {
    expect(facts({ ...sequential([3], [dense('a', 2)]), compile_config: compile }).compile).toMatchObject(expected);
  });

  it.each([[{}], [null]])('say of a model with the compile_config %j that it is not compiled', (compile) => {
    expect(facts({ ...sequential([3], [dense('a', 2)]), compile_config: compile }).compile).toBeNull();
  });

  it('warn of regularisers and constraints, which training here does not apply', () => {
    const l2 = { module: 'keras.regularizers', class_name: 'L2', config: { l2: 0.01 } };
    const { warnings } = facts(
      sequential(
        [4, 4, 1],
        [conv2d('c', 2, 3, { kernel_regularizer: l2, bias_regularizer: null, kernel_constraint: { class_name: 'NonNeg' } })],
      ),
    );
    expect(warnings.map(({ code, detail }) => [code, detail.split(';')[0]])).toEqual([
      ['REGULARIZER_NOT_APPLIED', 'Layer c has a kernel_regularizer'],
      ['CONSTRAINT_NOT_APPLIED', 'Layer c has a kernel_constraint'],
    ]);
  });
});
