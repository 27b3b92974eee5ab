/** What stock Keras' optimizers hold is read by name, and stock Keras goes on from files written here to the same weights as from its own memory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Compilation, serialisedOptimizer, withCompilation } from '../../src/model/compile-config.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { type OptimizerState, readOptimizerState, trainableWeights, withOptimizerState } from '../../src/model/optimizer-state.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectSameBits } from '../helpers/numbers.ts';

interface Made {
  variables: Record<string, KerasArray | number>;
  x: KerasArray;
  y: KerasArray;
  weights: Record<string, KerasArray>;
}
interface Resumed {
  weights: Record<string, KerasArray>;
  iterations: number;
  optimizer: string;
  loss: unknown;
  metrics: string[];
  warnings: string[];
}

const TRAINABLE = ['shared/kernel', 'shared/bias', 'norm/gamma', 'norm/beta', 'out/kernel', 'out/bias'];
const COSINE = { schedule: 'CosineDecay', initial_learning_rate: 0.1, decay_steps: 8, alpha: 0.1 };

interface Case {
  name: string;
  optimizer: string;
  config: Record<string, unknown>;
  slots: string[];
}
const CASES: Case[] = [
  { name: 'sgd', optimizer: 'SGD', config: { learning_rate: 0.1 }, slots: [] },
  { name: 'sgd_whole', optimizer: 'SGD', config: { learning_rate: 1, momentum: 0.5, clipnorm: 1 }, slots: ['momentum'] },
  { name: 'sgd_schedule', optimizer: 'SGD', config: { learning_rate: COSINE, momentum: 0.9, nesterov: true }, slots: ['momentum'] },
  { name: 'adam', optimizer: 'Adam', config: { learning_rate: 0.01 }, slots: ['momentum', 'velocity'] },
  { name: 'adam_ams', optimizer: 'Adam', config: { learning_rate: 0.01, amsgrad: true }, slots: ['momentum', 'velocity', 'velocity_hat'] },
  {
    name: 'adam_ema',
    optimizer: 'Adam',
    config: { learning_rate: 0.01, use_ema: true, ema_momentum: 0.8 },
    slots: ['momentum', 'velocity'],
  },
  {
    name: 'adam_ema_accumulated',
    optimizer: 'Adam',
    config: { learning_rate: 0.01, use_ema: true, ema_overwrite_frequency: 4, gradient_accumulation_steps: 2 },
    slots: ['gradient_accumulator', 'momentum', 'velocity'],
  },
  { name: 'adamw', optimizer: 'AdamW', config: { learning_rate: 0.01, weight_decay: 0.1 }, slots: ['momentum', 'velocity'] },
  { name: 'rmsprop', optimizer: 'RMSprop', config: { learning_rate: 0.01 }, slots: ['velocity'] },
  {
    name: 'rmsprop_centered',
    optimizer: 'RMSprop',
    config: { learning_rate: 0.01, momentum: 0.5, centered: true },
    slots: ['velocity', 'momentum', 'average_gradient'],
  },
  { name: 'adagrad', optimizer: 'Adagrad', config: { learning_rate: 0.1 }, slots: ['accumulator'] },
  { name: 'lion', optimizer: 'Lion', config: { learning_rate: 0.01 }, slots: ['momentum'] },
  { name: 'nadam', optimizer: 'Nadam', config: { learning_rate: 0.01 }, slots: ['momentum', 'velocity'] },
  { name: 'adamax', optimizer: 'Adamax', config: { learning_rate: 0.01 }, slots: ['momentum', 'norm'] },
  { name: 'adadelta', optimizer: 'Adadelta', config: { learning_rate: 1.5 }, slots: ['accumulated_grad', 'accumulated_delta_var'] },
  { name: 'lamb', optimizer: 'Lamb', config: { learning_rate: 0.01 }, slots: ['momentum', 'velocity'] },
];

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-optimizer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const made = keras.run<Record<string, Made>>('optimizer_state', { make: folder, cases: CASES });

const file = (name: string): string => join(folder, `${name}.keras`);

async function read(name: string): Promise<ModelDocument> {
  await made;
  return readModel(file(name), { optimizer: true });
}

function stateOf(document: ModelDocument): OptimizerState {
  const reading = readOptimizerState(document);
  if (reading.outcome !== 'read') expect.fail(JSON.stringify(reading));
  return reading.state;
}

/** The document in a file of its own, loaded by Keras, which makes the steps that it made by itself. */
async function resume(name: string, document: ModelDocument): Promise<Resumed> {
  const { x, y } = (await made)[name]!;
  const path = join(folder, `${name}-written.keras`);
  writeFileSync(path, await writeKeras(document));
  return (await keras.run<Resumed[]>('optimizer_state', { resume: [{ path, x: { ...x }, y: { ...y } }] }))[0]!;
}

function expectSameWeights(resumed: Resumed, { weights }: Made): void {
  expect(Object.keys(resumed.weights)).toEqual(Object.keys(weights));
  for (const [key, { data }] of Object.entries(weights)) expectSameBits(resumed.weights[key]!.data, data, key);
}

describe.each(CASES)('$name', ({ name, slots, config, optimizer }) => {
  it('is read by the names of the weights, with Keras’ own numbers', async () => {
    const { variables } = (await made)[name]!;
    const state = stateOf(await read(name));
    expect(state.iterations).toBe(variables.iteration);
    expect(state.learningRate).toBe(variables.learning_rate ?? null);
    expect([...state.slots.keys()]).toEqual(TRAINABLE);
    expect(state.averages === null).toBe(!config.use_ema);
    let seen = 'learning_rate' in variables ? 2 : 1;
    for (const [key, held] of state.slots) {
      expect([...held.keys()].sort()).toEqual([...slots].sort());
      const all = [...held, ...(state.averages ? ([['average', state.averages.get(key)!]] as const) : [])];
      for (const [slot, weight] of all) {
        const variable = variables[`${key.replace('/', '_')}_${slot}`] as KerasArray;
        expect(weight.shape).toEqual(variable.shape);
        expectSameBits(weight.data, variable.data, `${key} ${slot}`);
        seen++;
      }
    }
    // Keras gives Nadam's product no name.
    expect([...state.scalars]).toEqual('variable' in variables ? [['u_product', variables.variable]] : []);
    expect(seen + state.scalars.size).toBe(Object.keys(variables).length);
    // A reader that took a slot for another one would go unnoticed if they were all alike.
    if (slots.length > 0)
      expect(
        state.slots
          .get('out/kernel')!
          .get(slots[0]!)!
          .data.some((value) => value !== 0),
      ).toBe(true);
  });

  it('goes on in stock Keras from a file written here', async () => {
    const document = await read(name);
    const { optimizer: variables, ...without } = document;
    const { document: restored, dropped } = withOptimizerState(without, stateOf(document));
    expect(dropped).toBeNull();
    expect(restored.optimizer).toEqual(variables);
    const resumed = await resume(name, restored);
    expect(resumed).toMatchObject({ optimizer, warnings: [] });
    expectSameWeights(resumed, (await made)[name]!);
  });

  it('gives the same bytes when it is read and written again', async () => {
    const first = await writeKeras(await read(name));
    const path = join(folder, `${name}-again.keras`);
    writeFileSync(path, first);
    const again = await readModel(path, { optimizer: true });
    expect((await writeKeras(again)).equals(first)).toBe(true);
    const { document } = withOptimizerState(again, stateOf(again));
    expect((await writeKeras({ ...document, config: withCompilation(document.config, compilationOf(document)) })).equals(first)).toBe(true);
  });
});

const LOSS = { type: 'sparse_categorical_crossentropy', options: {} };

function compilationOf(document: ModelDocument): Compilation {
  const { className, config } = stateOf(document);
  return { optimizer: { className, config }, loss: LOSS, metrics: ['accuracy'] };
}

it('the trainable weights of every layer class stand in the order in which Keras has them', async () => {
  const nets = await keras.run<Record<string, KerasArray[]>>('optimizer_state', { order: folder });
  expect(Object.keys(nets).length).toBeGreaterThan(0);
  for (const [name, variables] of Object.entries(nets)) {
    const { graph, weights } = await readModel(file(name));
    const ours = trainableWeights(graph);
    expect(
      ours.map(({ shape }) => shape),
      name,
    ).toEqual(variables.map(({ shape }) => shape));
    for (const [at, { key }] of ours.entries()) expectSameBits(weights.get(key)!.data, variables[at]!.data, `${name}: ${key}`);
  }
});

describe('a file written here', () => {
  it('without the optimizer’s variables starts it afresh, and says so', async () => {
    const document = await read('adam');
    const path = join(folder, 'left-out.keras');
    const bytes = await writeKeras(document, { optimizer: false });
    writeFileSync(path, bytes);
    const { optimizer: _, ...without } = document;
    expect((await writeKeras(without)).equals(bytes)).toBe(true);
    expect(bytes.length).toBeLessThan((await writeKeras(document)).length);
    const { x, y, weights } = (await made).adam!;
    const [resumed] = await keras.run<Resumed[]>('optimizer_state', { resume: [{ path, x, y }] });
    expect(resumed).toMatchObject({ iterations: 0, warnings: [expect.stringMatching(/Skipping variable loading for optimizer 'adam'/)] });
    expect([...resumed!.weights['out/kernel']!.data]).not.toEqual([...weights['out/kernel']!.data]);
  });

  it('compiles a model that was not compiled, and brings its optimizer along', async () => {
    const document = await read('adam');
    const state = stateOf(document);
    const { compile_config: _, ...config } = document.config;
    const optimizer = serialisedOptimizer({ type: 'adam', learning_rate: 0.01 });
    const compiled = withCompilation(config, { optimizer, loss: LOSS, metrics: ['accuracy'] });
    const { document: written, dropped } = withOptimizerState({ ...document, config: compiled }, state);
    expect(dropped).toBeNull();
    const resumed = await resume('adam', written);
    expect(resumed).toMatchObject({
      optimizer: 'Adam',
      iterations: 5,
      loss: 'sparse_categorical_crossentropy',
      metrics: ['accuracy'],
      warnings: [],
    });
    expectSameWeights(resumed, (await made).adam!);
  });

  it('has the optimizer and the loss of the job in place of the uploaded ones', async () => {
    const document = await read('adam');
    const optimizer = serialisedOptimizer({
      type: 'sgd',
      learning_rate: 0,
      learning_rate_schedule: {
        type: 'piecewise_constant_decay',
        boundaries: [6],
        values: [1, 0],
      },
      options: { momentum: 0 },
    });
    const loss = { type: 'sparse_categorical_crossentropy', options: { from_logits: true } };
    const config = withCompilation(document.config, { optimizer, loss, metrics: ['mean_squared_error'] });
    const { document: written, dropped } = withOptimizerState(
      { ...document, config },
      { className: 'SGD', iterations: 7, learningRate: null, slots: new Map(), averages: null, scalars: new Map() },
    );
    expect(dropped).toBeNull();
    const resumed = await resume('adam', written);
    expect(resumed).toMatchObject({ optimizer: 'SGD', iterations: 7, loss: { from_logits: true }, metrics: ['accuracy'], warnings: [] });
    // Past the boundary the rate is 0.
    expectSameBits(resumed.weights['out/kernel']!.data, document.weights.get('out/kernel')!.data);
  });

  it('has no variables of an optimizer that is not the compiled one, or of other shapes', async () => {
    const document = await read('adam');
    const state = stateOf(document);
    const map = channelMap(document.graph);
    const removed = new Uint8Array(map.unitCount);
    const free = map.groups.find((group) => !group.frozen)!;
    removed[free.units[0]!] = 1;
    const cut = removeUnits(document, map, removed);
    expect(cut.optimizer).toBeUndefined();
    const dropped = withOptimizerState(cut, state);
    expect(dropped.dropped).toMatch(/has another size than the weight/);
    expect(dropped.document.optimizer).toBeUndefined();
    expect(withOptimizerState(document, { ...state, className: 'SGD' })).toMatchObject({ dropped: expect.stringMatching(/"Adam".*SGD/) });
  });
});
