/** Training that goes on in stock Keras where a job ended, and in a job where Keras ended. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Weights } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { drawn } from '../helpers/engine.ts';
import { type JobOutcome, runPosted } from '../helpers/jobs.ts';
import { startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-continues-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SAMPLES = 16;
const [x, y] = [drawn([SAMPLES, 6], 'x'), drawn([SAMPLES, 2], 'y')];
const untrained = join(folder, 'untrained.keras');
await keras.run('continue_training', { out: untrained });

const train = async (optimizer: Record<string, unknown>, epochs: number, file = untrained, more: Record<string, unknown> = {}) =>
  runPosted(
    { type: 'train', training: { epochs, batch_size: SAMPLES, loss: 'mean_squared_error', optimizer, layer_norms_every: 0, ...more } },
    { document: await readModel(file, { optimizer: true }), ...storedDataset(x, y) },
  );

/** The file of the model that a job exported; it is deleted after the test. */
function fileOf({ frames }: JobOutcome): string {
  const finished = frames.find((frame) => frame.kind === 'finished')!;
  return finished.outputs.find(({ role }) => role === 'model')!.path;
}

async function inKeras(file: string, epochs: number): Promise<{ file: string; iterations: number }> {
  const out = join(folder, `${Math.random()}.keras`);
  const { iterations } = await keras.run<{ iterations: number }>('continue_training', { file, x, y, epochs, out });
  return { file: out, iterations };
}

function expectSame(actual: Weights, expected: Weights): void {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, { data }] of expected) expectClose(actual.get(key)!.data, data, { relative: 2e-5, absolute: 2e-6 }, key);
}

describe.each([
  { type: 'sgd', learning_rate: 0.05, momentum: 0.9, nesterov: true },
  { type: 'adam', learning_rate: 0.01 },
  { type: 'adamw', learning_rate: 0.01, weight_decay: 0.1, weight_decay_on: 'all' },
  { type: 'rmsprop', learning_rate: 0.01, momentum: 0.5 },
  { type: 'adagrad', learning_rate: 0.05 },
  { type: 'lion', learning_rate: 0.001 },
])('with $type', (optimizer) => {
  it('goes on in Keras as here, and here as in Keras', { timeout: 60_000 }, async () => {
    const whole = await train(optimizer, 8);
    const half = await train(optimizer, 4);
    const keptOn = await inKeras(fileOf(half), 4);
    expect(keptOn.iterations).toBe(8);
    expectSame((await readModel(keptOn.file)).weights, whole.document!.weights);

    const between = await inKeras(fileOf(half), 2);
    const back = await train({ type: 'auto' }, 2, between.file, { initial_optimizer_state: 'model' });
    expectSame(back.document!.weights, whole.document!.weights);
    expect(back.frames.filter((frame) => frame.kind === 'warning')).toEqual([]);
  });
});

it('begins with a fresh optimizer, and says so, where the file has the state of another', async () => {
  const trained = await train({ type: 'adam' }, 1);
  const other = await train({ type: 'lion' }, 1, fileOf(trained), { initial_optimizer_state: 'model' });
  expect(other.frames).toContainEqual({
    kind: 'warning',
    warning: { code: 'OPTIMIZER_STATE_NOT_FOUND', detail: expect.stringContaining('the state of Adam, and the job trains with lion') },
  });
});
