/** Dropout in recurrent layers and attention: one draw for all time steps, another for each sample, direction and step of training. */
import { describe, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { makeDocument, type Weights } from '../../src/model/document.ts';
import { type Config, functional, layer, sequential } from '../helpers/documents.ts';
import { array, numbersOf, tensorOf } from '../helpers/engine.ts';

const SAMPLES = 40;
const TIME = 3;
const UNITS = 5;
const identity = array(
  [UNITS, UNITS],
  Array.from({ length: UNITS * UNITS }, (_none, at) => (at % (UNITS + 1) === 0 ? 1 : 0)),
);
const zeros = array([UNITS, UNITS], new Array(UNITS * UNITS).fill(0));
const cell = (options: Record<string, unknown>) =>
  layer('SimpleRNN', 'r', { units: UNITS, activation: 'linear', use_bias: false, return_sequences: true, ...options });
const rnn = (options: Record<string, unknown>) => sequential([TIME, UNITS], [cell(options)]);

/** Outputs in training [SAMPLES, TIME, ...] for inputs of ones, at the first time step only where `pulse` is set. */
function run(config: Config, weights: Record<string, ReturnType<typeof array>>, { step = 0, seed = 1, pulse = false } = {}): number[] {
  const document = makeDocument({
    config,
    metadata: {},
    weights: new Map(Object.entries(weights)) as Weights,
    extras: [],
  });
  const x = Array.from({ length: SAMPLES * TIME * UNITS }, (_none, at) => (pulse && Math.floor(at / UNITS) % TIME > 0 ? 0 : 1));
  const variables = Variables.from(document.weights);
  const outputs = tf.tidy((() => {
    const options = { training: true, random: { seed, step: tf.scalar(step, 'int32') } };
    return Array.from(
      numbersOf(forward(document.graph, (key) => variables.read(key), [tensorOf(array([SAMPLES, TIME, UNITS], x))], options)[0]!),
    );
  }) as () => never) as unknown as number[];
  variables.dispose();
  return outputs;
}

const steps = (values: number[], time: number): number[] =>
  values.filter((_value, at) => Math.floor(at / (values.length / SAMPLES / TIME)) % TIME === time);

describe.each([
  ['step by step', 'linear', 2],
  ['fused', 'tanh', Math.tanh(2)],
])('dropout of the input, %s', (_name, activation, kept) => {
  const weights = { 'r/kernel': identity, 'r/recurrent_kernel': zeros };
  const dropped = run(rnn({ activation, dropout: 0.5 }), weights);

  it('drops about as many features as asked, and scales the rest', () => {
    for (const value of dropped) expect([0, kept].some((wanted) => Math.abs(value - wanted) < 1e-6)).toBe(true);
    const share = dropped.filter((value) => value === 0).length / dropped.length;
    expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.65);
  });

  it('drops the same features at all time steps', () => {
    expect(steps(dropped, 1)).toEqual(steps(dropped, 0));
    expect(steps(dropped, 2)).toEqual(steps(dropped, 0));
  });

  it('draws by the step and the seed', () => {
    expect(run(rnn({ activation, dropout: 0.5 }), weights)).toEqual(dropped);
    expect(run(rnn({ activation, dropout: 0.5 }), weights, { step: 1 })).not.toEqual(dropped);
    expect(run(rnn({ activation, dropout: 0.5 }), weights, { seed: 2 })).not.toEqual(dropped);
  });
});

it('dropout of the state drops the same units at all time steps', () => {
  const values = run(rnn({ recurrent_dropout: 0.5 }), { 'r/kernel': identity, 'r/recurrent_kernel': identity }, { pulse: true });
  const first = steps(values, 1);
  expect(steps(values, 0).every((value) => value === 1)).toBe(true);
  expect(new Set(first)).toEqual(new Set([0, 2]));
  expect(steps(values, 2)).toEqual(first.map((value) => value ** 2));
});

it('the directions of a Bidirectional layer drop for themselves', () => {
  const entry = layer('Bidirectional', 'b', { layer: cell({ activation: 'tanh', dropout: 0.5 }), merge_mode: 'concat' });
  const weights = Object.fromEntries(
    ['forward', 'backward'].flatMap((side) => [
      [`b/${side}_layer/kernel`, identity],
      [`b/${side}_layer/recurrent_kernel`, zeros],
    ]),
  );
  const values = run(sequential([TIME, UNITS], [entry]), weights);
  const side = (from: number) => values.filter((_value, at) => Math.floor(at / UNITS) % 2 === from);
  expect(side(0)).not.toEqual(side(1));
});

it('attention drops weights, and scales the rest', () => {
  const attention = layer('MultiHeadAttention', 'a', { num_heads: 1, key_dim: UNITS, use_bias: false, dropout: 0.5 });
  const config = functional((net) => {
    const x = net.input('x', [TIME, UNITS]);
    return net.call(attention, x, x);
  });
  const shaped = (shape: number[], { data }: typeof identity) => array(shape, data);
  const values = run(config, {
    'a/query/kernel': shaped([UNITS, 1, UNITS], zeros),
    'a/key/kernel': shaped([UNITS, 1, UNITS], zeros),
    'a/value/kernel': shaped([UNITS, 1, UNITS], identity),
    'a/attention_output/kernel': shaped([1, UNITS, UNITS], identity),
  });
  // Weights of a third each, of which each that is left is doubled: sums of them are multiples of two thirds.
  const left = values.map((value) => value / (2 / TIME));
  for (const count of left) expect(Math.abs(count - Math.round(count))).toBeLessThan(1e-5);
  expect(new Set(left.map(Math.round))).toEqual(new Set([0, 1, 2, 3]));
});
