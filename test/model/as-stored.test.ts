/** What a file holds otherwise than it is computed with: it leaves as it came. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import type { ModelFormat } from '../../src/model/facts.ts';
import { readModel, writeModel } from '../../src/model/formats/index.ts';
import { generator } from '../../src/random.ts';
import { batchNormalization, dense, documentOf, layer, randomFill, sequential } from '../helpers/documents.ts';
import { folder } from '../helpers/folder.ts';
import { expectSameBits } from '../helpers/numbers.ts';

const FORMATS = ['keras', 'h5', 'safetensors'] as const;

async function through(document: ModelDocument, format: ModelFormat): Promise<ModelDocument> {
  const path = join(folder(), 'model');
  writeFileSync(path, await writeModel(document, format, { optimizer: true }));
  return readModel(path, { optimizer: true });
}

describe('float64 weights', () => {
  const document = ((): ModelDocument => {
    const random = generator(7, 'float64');
    const made = documentOf(sequential([4], [dense('a', 3), batchNormalization('n'), dense('b', 2)]), randomFill(3));
    const doubles = new Map(
      [...made.weights].map(([key, { data }]) => [key, Float64Array.from(data, () => random.uniform() - 0.5)] as const),
    );
    const weights = new Map(
      [...made.weights].map(([key, { shape }]) => [key, { shape, data: Float32Array.from(doubles.get(key)!) }] as const),
    );
    return { ...made, weights, source: { ...made.source, doubles } };
  })();

  it.each(FORMATS.flatMap((from) => FORMATS.map((to) => [from, to] as const)))('keep their bits from %s to %s', async (from, to) => {
    const read = await through(await through(document, from), to);
    for (const [key, data] of document.source.doubles) {
      expect(Buffer.from(read.source.doubles.get(key)!.buffer).equals(Buffer.from(data.buffer)), key).toBe(true);
      expectSameBits(read.weights.get(key)!.data, document.weights.get(key)!.data, key);
    }
  });

  it.each(FORMATS)('that were changed are float64 of the new numbers in %s, and the others keep their bits', async (format) => {
    const kernel = document.weights.get('a/kernel')!;
    const data = kernel.data.map((value, index) => (index === 0 ? 0 : value));
    const read = await through(withWeights(document, new Map([...document.weights, ['a/kernel', { ...kernel, data }]])), format);
    expect(read.source.doubles.get('a/kernel')).toEqual(Float64Array.from(data));
    expect(read.source.doubles.get('b/kernel')).toEqual(document.source.doubles.get('b/kernel'));
  });
});

it('the optimizer’s variables keep their names in an .h5 file, and the order in which it lists them', async () => {
  const config = {
    ...sequential([4], [dense('a', 3)]),
    compile_config: {
      optimizer: { class_name: 'SGD', config: { name: 'sgd', learning_rate: 0.5, momentum: 0 } },
      loss: 'mean_squared_error',
    },
  };
  const optimizer = ['sgd/iteration', 'sgd/learning_rate', 'sgd/a_of_mine'].map((name, index) => ({
    path: `optimizer/vars/${index}`,
    name,
    shape: [],
    dtype: '<f',
    data: Float32Array.of(index),
  }));
  const read = await through({ ...documentOf(config, randomFill(1)), optimizer }, 'h5');
  const again = await through(read, 'h5');
  expect(again.optimizer?.map(({ name, path, data }) => [name, path, data[0]])).toEqual(
    optimizer.map(({ name, path }, index) => [name, path, index]),
  );
});

it('a RandomShear leaves with the number of which Keras made its range, which Keras takes', async () => {
  const shear = layer('RandomShear', 'shear', { x_factor: [-0.25, 0.25], y_factor: [0.1, 0.5], fill_mode: 'reflect' });
  const document = documentOf(sequential([4, 4, 1], [shear]), randomFill(1));
  const { config } = await through(document, 'keras');
  const { layers } = config.config as { layers: { config: Record<string, unknown> }[] };
  expect(layers[1]!.config).toMatchObject({ x_factor: 0.25, y_factor: [0.1, 0.5] });
  expect(document.config).toEqual(sequential([4, 4, 1], [shear]));
});
