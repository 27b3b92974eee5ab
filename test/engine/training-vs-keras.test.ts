/**
 * A hundred steps of the adaptive optimizers under clipping that binds, on a convolutional network with normalisation, against stock Keras: the loss of each
 * step, and the weights in the end. `keras-training.test.ts` has the optimizers unclipped, and the rules under SGD.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { readModel } from '../../src/model/formats/index.ts';
import { stepOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose, relativeDistance } from '../helpers/numbers.ts';

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-clipped-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const loss = 'sparse_categorical_crossentropy';
// AdamW's decay is large enough to show in the loss; biases and normalisation parameters are left out of it on both sides. With 0.5 Keras itself, under clipnorm
// and from weights changed by 3e-7, came to losses 1e-4 apart; from these settings a change of 1e-6 leaves them within 2e-6.
const OPTIMIZERS = [
  { name: 'Adam', learning_rate: 0.003, options: {} },
  { name: 'AdamW', learning_rate: 0.003, options: { weight_decay: 0.3 } },
  { name: 'RMSprop', learning_rate: 0.001, options: { momentum: 0.5 } },
];
const CLIPPING = [
  { keras: 'clipnorm', limit: 0.05, rule: { type: 'norm', max_norm: 0.05 } },
  { keras: 'clipvalue', limit: 0.01, rule: { type: 'value', clip_value: 0.01 } },
  { keras: 'global_clipnorm', limit: 0.1, rule: { type: 'global_norm', max_norm: 0.1 } },
];
const cases = OPTIMIZERS.flatMap((optimizer) =>
  CLIPPING.map((clipping) => ({ name: `${optimizer.name}_${clipping.keras}`, optimizer, clipping })),
);

interface Answer {
  x: KerasArray;
  y: KerasArray;
  losses: number[];
  weights: Record<string, KerasArray>;
}

const answers = await keras.run<Record<string, Answer>>('training', {
  folder,
  cases: cases.map(({ name, optimizer, clipping }) => ({
    name,
    model: 'convolutional',
    loss,
    optimizer: optimizer.name,
    config: { learning_rate: optimizer.learning_rate, ...optimizer.options, [clipping.keras]: clipping.limit },
  })),
});

/** The batch at a step, of arrays whose first axis counts steps. */
function batchOf({ shape: [steps, ...shape], data }: KerasArray, at: number): KerasArray {
  const size = data.length / steps!;
  return { shape, data: data.slice(at * size, (at + 1) * size) };
}

describe('a hundred steps', () => {
  it.each(cases)('of $name lose as in Keras, step by step, and end at its weights', async ({ name, optimizer, clipping }) => {
    const { x, y, losses, weights } = answers[name]!;
    const step = stepOf(
      await readModel(join(folder, `${name}.keras`)),
      { loss, optimizer: { type: optimizer.name.toLowerCase(), ...optimizer.options }, clipping: clipping.rule },
      'captured',
    );
    onTestFinished(() => step.dispose());
    let clipped = 0;
    const distances = losses.map((expected, at) => {
      const report = step.run(batchOf(x, at), batchOf(y, at), { learningRate: optimizer.learning_rate });
      if (report.clipped > 0) clipped++;
      return relativeDistance([report.loss], [expected]);
    });
    const largest = Math.max(...distances);
    expect(largest, `the losses are up to ${largest} apart, at step ${distances.indexOf(largest)}`).toBeLessThan(1e-4);
    for (const [key, { data }] of Object.entries(weights))
      expectClose(step.weights.value(key).data, data, { relative: 1e-3, absolute: 1e-4 }, key);
    // Were the threshold never reached, the rule would not have been compared.
    expect(clipped).toBeGreaterThan(90);
  });
});
