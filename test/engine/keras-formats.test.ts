/** Every format against the software whose it is: predictions of what it made, and what it makes of what the service writes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { asStored, type ModelDocument } from '../../src/model/document.ts';
import type { ModelFormat } from '../../src/model/facts.ts';
import { rounded } from '../../src/model/formats/half-precision.ts';
import { FORMATS, readModel, writableFormats, writeModel } from '../../src/model/formats/index.ts';
import { size } from '../../src/model/layers/index.ts';
import { trainableWeights } from '../../src/model/optimizer-state.ts';
import { withPrecision } from '../../src/packing/with-precision.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { type ForeignArray, foreignFiles } from '../helpers/foreign.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose, expectSameBits, relativeDistance } from '../helpers/numbers.ts';
import { madeByTfjs, packed, predictedByTfjs, unpacked } from '../helpers/tfjs.ts';

interface Made {
  x: KerasArray[];
  y: KerasArray[];
  weights: KerasArray[];
  /** Why Keras does not load the .h5 that it wrote. */
  h5: string | null;
}
interface Loaded {
  y: KerasArray[];
  weights: KerasArray[];
  compiled: boolean;
  slots: number;
  warnings: string[];
}
type Arrays = readonly { shape: number[]; data: ArrayLike<number> }[];

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function predict(document: ModelDocument, x: Arrays): Float32Array[] {
  const weights = Variables.from(document.weights);
  const inputs = x.map(({ shape, data }) => tf.tensor(Float32Array.from(data), shape, 'float32'));
  try {
    return forward(document.graph, (key) => weights.read(key), inputs, { training: false }).map((output) =>
      Float32Array.from(output.dataSync<'float32'>()),
    );
  } finally {
    weights.dispose();
  }
}

/** Of layers that compute in two bytes where they were made: a few roundings of 2⁻¹¹. */
const toleranceOf = (name: string) => ({ relative: /half/.test(name) ? 2e-3 : 1e-5 });

function expectPredictions(actual: readonly ArrayLike<number>[], expected: Arrays, name: string): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, { data }] of expected.entries()) expectClose(actual[index]!, data, toleranceOf(name), name);
}

async function written(document: ModelDocument, format: ModelFormat, name: string): Promise<string> {
  const path = join(folder, `written-${name}${FORMATS[format].extension}`);
  writeFileSync(path, await writeModel(document, format));
  return path;
}

/** A case for Keras to load: what it must find. */
interface KerasCase {
  name: string;
  path: string;
  x: KerasArray[];
  y: readonly KerasArray[];
  /** In Keras' order; null where nothing but predictions can be compared. */
  weights: KerasArray[] | null;
  /** Numbers in the optimizer: two for each trainable weight of Adam, its count of steps and its rate. */
  slots: number | null;
}
const toKeras = ({ shape, data }: ForeignArray): KerasArray => ({ shape, data: Float32Array.from(data) });

const made = await keras.run<Record<string, Made>>('formats', { make: folder });
const foreign = await foreignFiles(folder);
const cases: KerasCase[] = [];
const documents = new Map<string, { document: ModelDocument; x: Arrays; y: Arrays }>();
for (const [name, { x, y, weights }] of Object.entries(made)) {
  for (const format of ['keras', 'h5'] as const) {
    const document = await readModel(join(folder, `${name}.${format}`), { optimizer: true });
    documents.set(`${name}.${format}`, { document, x, y });
    const slots = 2 + 2 * trainableWeights(document.graph).reduce((sum, { shape }) => sum + size(shape), 0);
    for (const to of ['keras', 'h5'] as const) {
      if (writableFormats(document).includes(to)) {
        cases.push({ name: `${name}.${format} as ${to}`, path: await written(document, to, `${name}-${format}`), x, y, weights, slots });
      }
    }
  }
}
for (const { name, path, x, y } of foreign) {
  const document = await readModel(path);
  documents.set(name, { document, x, y });
  if (name.startsWith('keras-2') || name.startsWith('keras-3')) {
    for (const to of ['keras', 'h5'] as const) {
      // A file of Keras 2 in the format that it came in is of Keras 2 again.
      const isOfKeras2 = name.startsWith('keras-2') && to === document.source.format;
      if (!writableFormats(document).includes(to) || isOfKeras2) continue;
      const at = await written(document, to, `foreign-${name}`);
      cases.push({ name: `${name} as ${to}`, path: at, x: x.map(toKeras), y: y.map(toKeras), weights: null, slots: null });
    }
  }
}
// Layers of float32, whose numbers the file has in two bytes.
const network = 'conv';
for (const type of ['float16', 'bfloat16'] as const) {
  const { document, tooLarge } = withPrecision(documents.get(`${network}.keras`)!.document, type);
  expect(tooLarge).toEqual([]);
  const { x, weights } = made[network]!;
  const y = predict(document, x).map((data) => ({ shape: [data.length], data: Float32Array.from(data) }));
  const short = weights.map(({ shape, data }) => ({ shape, data: rounded(data, type) }));
  for (const to of ['keras', 'h5'] as const) {
    const path = await written(document, to, `${network}-${type}`);
    const back = await readModel(path);
    expect(back.source.narrow.size).toBe(to === 'h5' && type === 'bfloat16' ? 0 : document.weights.size);
    cases.push({ name: `${network} in ${type} as ${to}`, path, x, y, weights: short, slots: null });
  }
}
const loaded = await keras.run<Loaded[]>('formats', { load: cases.map(({ path, x }) => ({ path, x })) });

describe.each([...documents].map(([name, entry]) => ({ name, ...entry })))('$name', ({ name, document, x, y }) => {
  it('is predicted here as where it was made', () => {
    // Of a quantised file the original's predictions are known; steps are 1/255 or 1/65535 of a weight's range.
    const quantised = /-(uint8|uint16|float16)\.zip$/.exec(name)?.[1];
    if (!quantised) return expectPredictions(predict(document, x), y, name);
    const distance = Math.max(...predict(document, x).map((values, index) => relativeDistance(values, y[index]!.data)));
    expect(distance).toBeGreaterThan(1e-7);
    expect(distance).toBeLessThan({ uint8: 5e-2, uint16: 2e-4, float16: 2e-3 }[quantised]!);
  });
});

describe.each(cases.map((entry, index) => ({ ...entry, answer: loaded[index]! })))(
  '$name, in stock Keras',
  ({ name, y, weights, slots, answer }) => {
    it('loads with its weights bit for bit, compiled, and predicts the same', () => {
      if (weights) {
        expect(answer.weights.map(({ shape }) => shape)).toEqual(weights.map(({ shape }) => shape));
        for (const [index, { data }] of weights.entries()) expectSameBits(answer.weights[index]!.data, data, `${name}, weight ${index}`);
      }
      expect(answer.compiled).toBe(true);
      if (slots !== null) expect(answer.slots).toBe(slots);
      expect(answer.warnings.filter((text) => !/structure of `inputs`/.test(text) && (slots !== null || !/optimizer/.test(text)))).toEqual(
        [],
      );
      expectPredictions(
        answer.y.map(({ data }) => data),
        y,
        name,
      );
    });
  },
);

it('what the service does not write as .h5 is what Keras does not load from there', () => {
  const refused = Object.keys(made).filter((name) => !writableFormats(documents.get(`${name}.keras`)!.document).includes('h5'));
  expect(refused).toEqual(Object.keys(made).filter((name) => made[name]!.h5 !== null));
});

it('a model that was cut leaves every format as the smaller one', async () => {
  const { document, x } = documents.get('conv.h5')!;
  const map = channelMap(document.graph);
  const removed = new Uint8Array(map.unitCount);
  for (const group of map.groups)
    if (!group.frozen) for (const unit of group.units.subarray(0, Math.floor(group.units.length / 2))) removed[unit] = 1;
  const smaller = removeUnits(document, map, removed);
  expect(smaller.source.format).toBe('h5');
  const paths = [await written(smaller, 'h5', 'cut'), await written(smaller, 'keras', 'cut')];
  const answers = await keras.run<Loaded[]>('formats', { load: paths.map((path) => ({ path, x })) });
  for (const { y } of answers) expectPredictions(predict(smaller, x), y, 'cut');
  for (const path of paths) expectPredictions(predict(await readModel(path), x), answers[0]!.y, path);
});

describe('TensorFlow.js', () => {
  it('predicts of its own models what is predicted here, and takes them back', async () => {
    const models = await madeByTfjs();
    const asked: Parameters<typeof predictedByTfjs>[0][number][] = [];
    for (const [name, model] of Object.entries(models)) {
      const path = join(folder, `tfjs-${name}.zip`);
      writeFileSync(path, await packed(model));
      const document = await readModel(path);
      expectPredictions(predict(document, model.x), model.y, name);
      asked.push({ ...(await unpacked(await written(document, 'tfjs', `own-${name}`))), x: model.x });
    }
    const answers = await predictedByTfjs(asked);
    for (const [index, [name, { y }]] of Object.entries(models).entries())
      expectPredictions(
        answers[index]!.map(({ data }) => data),
        y,
        name,
      );
  });

  it('predicts of what is written for it what Keras predicts', async () => {
    const names = [...documents].filter(([, { document }]) => writableFormats(document).includes('tfjs')).map(([name]) => name);
    // Networks of every kind, from Keras 3, Keras 2 and the converter.
    for (const some of [
      'transposed.keras',
      'frozen.h5',
      'nested.keras',
      'keras-2-gru_before.h5',
      'keras-2-hard_sigmoid.h5',
      'lstm.h5',
      'converter-nested.zip',
      'converter-rnn.zip',
    ])
      expect(names).toContain(some);
    // What its converter has written stays as it is, and TensorFlow.js cannot load all of that: options of SeparableConv2D, regularizers by Keras 3's names.
    const runnable = names.filter((name) => !name.startsWith('converter-'));
    const asked = [];
    for (const name of runnable) {
      const { document, x } = documents.get(name)!;
      const given = x.map(({ shape, data }) => ({ shape, data: [...Array.from(data)] }));
      asked.push({ ...(await unpacked(await written(document, 'tfjs', `js-${name}`))), x: given });
    }
    const answers = await predictedByTfjs(asked);
    for (const [index, name] of runnable.entries()) {
      const { document, x } = documents.get(name)!;
      const expected = predict(document, x).map((data) => ({ shape: [data.length], data }));
      expectPredictions(
        answers[index]!.map(({ data }) => data),
        expected,
        name,
      );
    }
  });
});

it('weights of two bytes are rounded to what a file holds', () => {
  const { document } = documents.get('half.keras')!;
  expect(document.source.narrow.size).toBe(4);
  const moved = new Map(
    [...document.weights].map(([key, weight]) => [key, { ...weight, data: weight.data.map((value) => value * 1.0001) }]),
  );
  const stored = asStored({ ...document, weights: moved });
  for (const [key, { data }] of stored.weights) {
    expect(relativeDistance(data, moved.get(key)!.data)).toBeLessThan(2 ** -11);
    expect([...data].every((value, index) => value !== moved.get(key)!.data[index] || value === 0)).toBe(true);
  }
});
