/** Recurrent, attention and embedding layers can be recorded: a captured step does what the eager one does, draws of dropout included. */
import { expect, it } from 'vitest';
import { type Config, dense, documentOf, functional, layer, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn, stepOf } from '../helpers/engine.ts';
import { expectClose } from '../helpers/numbers.ts';

const gated = { units: 4, activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true };
const lstm = (options = {}) => layer('LSTM', 'l', { ...gated, ...options });
const gru = (options = {}) => layer('GRU', 'g', { ...gated, reset_after: true, ...options });
const chain = (...layers: ReturnType<typeof layer>[]): Config => sequential([5, 3], [...layers, dense('out', 2)]);

/** As many samples as are run in parts. */
const SAMPLES = 32;

it.each<[string, Config]>([
  ['an LSTM', chain(lstm())],
  ['an LSTM with dropout', chain(lstm({ dropout: 0.3 }))],
  ['an LSTM with dropout of its state', chain(lstm({ dropout: 0.3, recurrent_dropout: 0.3 }))],
  ['a GRU over a GRU', chain(gru({ return_sequences: true }), { ...gru(), config: { ...gru().config, name: 'h' } })],
  ['a GRU that resets before', chain(gru({ reset_after: false, go_backwards: true }))],
  ['a SimpleRNN of ReLUs', chain(layer('SimpleRNN', 's', { units: 4, activation: 'relu', use_bias: true }))],
  ['two directions', chain(layer('Bidirectional', 'b', { layer: lstm({ dropout: 0.3 }), merge_mode: 'concat' }))],
  ['steps by themselves', chain(layer('TimeDistributed', 't', { layer: dense('d', 4) }), layer('Flatten', 'f'))],
  [
    'attention with dropout',
    functional((net) => {
      const x = net.input('x', [5, 3]);
      const y = net.call(layer('MultiHeadAttention', 'a', { num_heads: 2, key_dim: 3, use_bias: true, dropout: 0.3 }), x, x);
      return net.call(dense('out', 2), net.call(layer('Flatten', 'f'), y));
    }),
  ],
])('%s', (_name, config) => {
  const x = drawn([SAMPLES, 5, 3], 'x');
  expectSame(config, x);
});

it('an Embedding', () => {
  const x = array(
    [SAMPLES, 4],
    Array.from({ length: SAMPLES * 4 }, (_none, at) => (at * 5) % 7),
  );
  const embedding = layer('Embedding', 'e', { input_dim: 7, output_dim: 3 });
  expectSame(sequential([4], [embedding, lstm(), dense('out', 2)]), x);
});

function expectSame(config: Config, x: ReturnType<typeof array>): void {
  const y = drawn([SAMPLES, 2], 'y');
  const document = documentOf(config, randomFill(1));
  const [eager, captured] = (['eager', 'captured'] as const).map((kind) => {
    const step = stepOf(document, { seed: 3 }, kind);
    const losses = [0, 1, 2].map(() => step.run(x, y).loss);
    const weights = new Map(step.weights.keys().map((key) => [key, step.weights.value(key).data]));
    step.dispose();
    return { losses, weights };
  }) as [{ losses: number[]; weights: Map<string, Float32Array> }, { losses: number[]; weights: Map<string, Float32Array> }];
  expect(new Set(eager.losses).size).toBe(3);
  expectClose(captured.losses, eager.losses, { relative: 1e-5, absolute: 1e-6 });
  for (const [key, weight] of eager.weights) expectClose(captured.weights.get(key)!, weight, { relative: 1e-5, absolute: 1e-6 }, key);
}
