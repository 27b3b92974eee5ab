import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import type { Hdf5Dataset } from '../../src/model/formats/hdf5.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { readOptimizerState, trainableWeights, withOptimizerState } from '../../src/model/optimizer-state.ts';
import { batchNormalization, type Config, dense, documentOf, sequential } from '../helpers/documents.ts';
import { folder } from '../helpers/folder.ts';

const NET = sequential(
  [2],
  [dense('a', 1), batchNormalization('n'), dense('still', 1, { trainable: false }), dense('b', 1, { use_bias: false })],
);

/** The net compiled with an optimizer whose variable number i holds 10·i, 10·i + 1, ...; `shapes` are those behind iterations and rate. */
function compiled(className: string, config: Record<string, unknown>, shapes: number[][], version = '3.15.1'): ModelDocument {
  const model: Config = { ...NET, compile_config: { optimizer: { class_name: className, config } } };
  const optimizer = shapes.map((shape, index): Hdf5Dataset => {
    const length = shape.reduce((product, dimension) => product * dimension, 1);
    return {
      path: `optimizer/vars/${index + 2}`,
      shape,
      dtype: '<f',
      data: Float32Array.from({ length }, (_, at) => 10 * (index + 2) + at),
    };
  });
  const head: Hdf5Dataset[] = [
    { path: 'optimizer/vars/0', shape: [], dtype: '<q', data: BigInt64Array.of(7n) },
    { path: 'optimizer/vars/1', shape: [], dtype: '<f', data: Float32Array.of(0.25) },
  ];
  return { ...documentOf(model), metadata: { keras_version: version }, optimizer: [...head, ...optimizer] };
}

/** Of the trainable weights a/kernel, a/bias, n/gamma, n/beta, b/kernel. */
const SHAPES = [[2, 1], [1], [1], [1], [1, 1]];
const twice = SHAPES.flatMap((shape) => [shape, shape]);

function slotsOf(document: ModelDocument): Record<string, Record<string, number[]>> {
  const reading = readOptimizerState(document);
  if (reading.outcome !== 'read') expect.fail(JSON.stringify(reading));
  const { slots } = reading.state;
  return Object.fromEntries(
    [...slots].map(([key, held]) => [key, Object.fromEntries([...held].map(([name, { data }]) => [name, [...data]]))]),
  );
}

describe('trainable weights', () => {
  it('are those that Keras trains, in its order', () => {
    expect(trainableWeights(documentOf(NET).graph).map(({ key }) => key)).toEqual(['a/kernel', 'a/bias', 'n/gamma', 'n/beta', 'b/kernel']);
  });
});

describe('the state of an optimizer', () => {
  it('interleaves moments, and has slots of one kind behind each other', () => {
    expect(slotsOf(compiled('Adam', {}, twice))).toEqual({
      'a/kernel': { momentum: [20, 21], velocity: [30, 31] },
      'a/bias': { momentum: [40], velocity: [50] },
      'n/gamma': { momentum: [60], velocity: [70] },
      'n/beta': { momentum: [80], velocity: [90] },
      'b/kernel': { momentum: [100], velocity: [110] },
    });
    const rmsprop = slotsOf(compiled('RMSprop', { momentum: 0.5 }, [...SHAPES, ...SHAPES]));
    expect(rmsprop['a/kernel']).toEqual({ velocity: [20, 21], momentum: [70, 71] });
    expect(rmsprop['b/kernel']).toEqual({ velocity: [60], momentum: [110] });
  });

  it('tells the steps and the rate, whatever the width of the count', () => {
    const document = compiled('SGD', {}, []);
    const narrow = { ...document.optimizer![0]!, dtype: '<i', data: Int32Array.of(9) };
    const state = { className: 'SGD', learningRate: 0.25, averages: null };
    expect(readOptimizerState(document)).toMatchObject({ outcome: 'read', state: { ...state, iterations: 7 } });
    expect(readOptimizerState({ ...document, optimizer: [narrow, document.optimizer![1]!] })).toMatchObject({
      state: { ...state, iterations: 9 },
    });
  });

  it('has Nadam’s product in front of the slots before Keras 3.10, and behind them since', () => {
    const behind = compiled('Nadam', {}, [...twice, []]);
    const before = compiled('Nadam', {}, [[], ...twice], '3.9.2');
    expect(readOptimizerState(behind)).toMatchObject({ state: { scalars: new Map([['u_product', 120]]) } });
    expect(readOptimizerState(before)).toMatchObject({ state: { scalars: new Map([['u_product', 20]]) } });
    expect(slotsOf(before)['b/kernel']).toEqual({ momentum: [110], velocity: [120] });
    expect(readOptimizerState({ ...before, metadata: { keras_version: '3.10.0' } }).outcome).toBe('unread');
  });

  it('has accumulators between the averages before Keras 3.10, and behind them since', () => {
    const config = { use_ema: true, gradient_accumulation_steps: 2 };
    const averages = (version: string): number[] => {
      const reading = readOptimizerState(compiled('SGD', config, version === '3.9.0' ? twice : [...SHAPES, ...SHAPES], version));
      if (reading.outcome !== 'read') expect.fail(JSON.stringify(reading));
      return [...reading.state.averages!.values()].map(({ data }) => data[0]!);
    };
    expect(averages('3.9.0')).toEqual([20, 40, 60, 80, 100]);
    expect(averages('3.10.0')).toEqual([20, 30, 40, 50, 60]);
  });

  it('is none where the file has no variables, or the optimizer made no step', () => {
    const document = compiled('Adam', {}, []);
    expect(readOptimizerState(document)).toEqual({ outcome: 'none' });
    expect(readOptimizerState({ ...document, optimizer: [] })).toEqual({ outcome: 'none' });
    expect(readOptimizerState(documentOf(NET))).toEqual({ outcome: 'none' });
  });

  const adam = compiled('Adam', {}, twice);
  const planted = (index: number, change: Partial<Hdf5Dataset>): ModelDocument => ({
    ...adam,
    optimizer: adam.optimizer!.with(index, { ...adam.optimizer![index]!, ...change }),
  });

  it.each<[string, ModelDocument, string, RegExp]>([
    ['an unknown class', compiled('Muon', {}, SHAPES), '"Muon"', /not known here/],
    ['a class in another spelling', compiled('adam', {}, twice), '"adam"', /not known here/],
    [
      'a class of the model’s own',
      { ...adam, config: { ...NET, compile_config: { optimizer: { class_name: 'Adam', registered_name: 'mine>Adam', config: {} } } } },
      '"Adam"',
      /not known here/,
    ],
    ['weights that were frozen since', compiled('Adam', {}, [...twice, [1], [1]]), '"14 variables"', /has 12/],
    ['another option than it was made with', compiled('Adam', { amsgrad: true }, twice), '"12 variables"', /has 17/],
    ['other shapes', planted(2, { shape: [1, 2] }), '"optimizer/vars/2"', /\[1, 2\]; \[2, 1\] is needed/],
    ['a hole', planted(3, { path: 'optimizer/vars/99' }), '"optimizer/vars/3"', /missing/],
    ['NaN', planted(4, { data: Float32Array.of(Number.NaN) }), '"optimizer/vars/4"', /NaN/],
    ['whole numbers', planted(4, { dtype: '<i', data: Int32Array.of(1) }), '"optimizer/vars/4"', /floating-point/],
    ['a count below zero', planted(0, { data: BigInt64Array.of(-1n) }), '"optimizer/vars/0"', /-1 steps/],
    ['a count beyond 2^53', planted(0, { data: BigInt64Array.of(2n ** 60n) }), '"optimizer/vars/0"', /steps/],
    ['no compile_config', { ...adam, config: NET }, 'undefined', /no optimizer in its compile_config/],
  ])('of %s is not read, and says why', (_what, document, value, reason) => {
    expect(readOptimizerState(document)).toEqual({
      outcome: 'unread',
      unread: { what: 'optimizer.state', value, reason: expect.stringMatching(reason) },
    });
  });
});

describe('a document', () => {
  it('is written with its optimizer, and read with it only when it is asked for', async () => {
    const document = compiled('Adam', { name: 'mine' }, twice);
    const path = join(folder(), 'a.keras');
    writeFileSync(path, await writeKeras(document));
    expect((await readModel(path, { optimizer: true })).optimizer).toEqual(document.optimizer);
    const without = await readModel(path);
    expect(without.optimizer).toBeUndefined();
    expect(without.extras).toEqual([]);
  });

  it('loses its optimizer with its weights', () => {
    const document = compiled('Adam', {}, twice);
    expect(withWeights(document, document.weights).optimizer).toBeUndefined();
  });

  it('gets the slots that Keras keeps, and none where one is missing', () => {
    const document = compiled('RMSprop', { momentum: 0 }, SHAPES);
    const reading = readOptimizerState(document);
    if (reading.outcome !== 'read') expect.fail(JSON.stringify(reading));
    const { slots } = reading.state;
    const more = new Map([...slots].map(([key, held]) => [key, new Map([...held, ['momentum', held.get('velocity')!]])]));
    expect(withOptimizerState(document, { ...reading.state, slots: more })).toEqual({ document, dropped: null });
    slots.delete('n/beta');
    const { optimizer: _, ...without } = document;
    expect(withOptimizerState(document, reading.state)).toEqual({ document: without, dropped: 'the state has no velocity of n/beta' });
    expect(withOptimizerState(document, { ...reading.state, learningRate: null })).toMatchObject({
      dropped: 'the state has no learning rate',
    });
  });
});
