import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Predictions } from '../../src/engine/predict.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import type { PredictFrame } from '../../src/worker/frames.ts';
import { tinyDocument } from '../helpers/documents.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-predict-'));
  // Four inputs, two outputs, every weight the same: 10 weights, 40 bytes; each output is value · (sum + 1).
  for (const value of [1, 2, 3]) await writeFile(join(folder, `${value}`), await writeKeras(tinyDocument(value)));
});
afterAll(() => rm(folder, { recursive: true }));

const never = () => false;
const frame = (model: number, samples = 1, more: Partial<PredictFrame> = {}): PredictFrame => ({
  kind: 'predict',
  model_path: join(folder, `${model}`),
  model_sha256: `${model}`,
  inputs: [{ name: 'input', shape: [samples, 4], data: Float32Array.from({ length: 4 * samples }, (_, index) => Math.floor(index / 4)) }],
  max_output_bytes: 2 ** 20,
  ...more,
});

describe('predictions', () => {
  it('of more samples than go through at once are those of each by itself', async () => {
    const predictions = new Predictions();
    const [output] = await predictions.predict(frame(2, 700), never);
    expect(output!.shape).toEqual([700, 2]);
    expect([...output!.data]).toEqual(Array.from({ length: 1_400 }, (_, index) => 2 * (4 * Math.floor(index / 2) + 1)));
    predictions.dispose();
  });

  it('keep models as long as they fit, and let go of the longest unused', async () => {
    const before = tf.memory().numTensors;
    const predictions = new Predictions(80);
    await predictions.predict(frame(1), never);
    await predictions.predict(frame(2), never);
    await predictions.predict(frame(1), never);
    expect(predictions.kept).toEqual(['2', '1']);
    const [output] = await predictions.predict(frame(3), never);
    expect(predictions.kept).toEqual(['1', '3']);
    expect([...output!.data]).toEqual([3, 3]);
    const small = new Predictions(10);
    expect([...(await small.predict(frame(1), never))[0]!.data]).toEqual([1, 1]);
    expect((await small.predict(frame(2), never))[0]!.data[0]).toBe(2);
    expect(small.kept).toEqual(['2']);
    predictions.dispose();
    small.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('use a kept model though its file is gone', async () => {
    const predictions = new Predictions();
    await predictions.predict(frame(1), never);
    await expect(predictions.predict(frame(1, 1, { model_path: '/gone' }), never)).resolves.toHaveLength(1);
    await expect(predictions.predict(frame(9), never)).rejects.toThrow('ENOENT');
    expect(predictions.kept).toEqual(['1']);
    predictions.dispose();
  });

  it('stop between chunks when they are called off, and refuse outputs beyond the limit', async () => {
    const predictions = new Predictions();
    let asked = 0;
    await expect(predictions.predict(frame(1, 700), () => ++asked === 3)).rejects.toThrow();
    expect(asked).toBe(3);
    await expect(predictions.predict(frame(1, 700, { max_output_bytes: 5_599 }), never)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(await predictions.predict(frame(1, 700, { max_output_bytes: 5_600 }), never)).toHaveLength(1);
    const unnamed = [{ ...frame(1).inputs[0]!, name: 'x' }];
    await expect(predictions.predict(frame(1, 1, { inputs: unnamed }), never)).rejects.toMatchObject({ code: 'MODEL_DATASET_MISMATCH' });
    predictions.dispose();
  });
});
