/** Files of other versions of Keras and of TensorFlow.js' converter, read, written in the format they came in, converted, and read again. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isKeras2 } from '../../src/model/dialect.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { MODEL_FORMATS, type ModelFormat } from '../../src/model/facts.ts';
import { readModel, readModelConfig, writableFormats, writeModel } from '../../src/model/formats/index.ts';
import { readZip, writeZip } from '../../src/model/formats/zip.ts';
import { modelFacts } from '../../src/pruning/inspect.ts';
import { foreignFiles } from '../helpers/foreign.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-foreign-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const files = await foreignFiles(folder);
const read = new Map<string, ModelDocument>();
for (const { name, path } of files) read.set(name, await readModel(path, { optimizer: true }));
const documentOf = (name: string): ModelDocument => read.get(name)!;

function expectSameWeights(actual: ModelDocument, expected: ModelDocument): void {
  expect([...actual.weights.keys()]).toEqual([...expected.weights.keys()]);
  for (const [key, { shape, data }] of expected.weights) {
    expect(actual.weights.get(key)!.shape, key).toEqual(shape);
    expectSameBits(actual.weights.get(key)!.data, data, key);
  }
}

async function writtenAs(document: ModelDocument, format: ModelFormat): Promise<{ bytes: Uint8Array; again: ModelDocument }> {
  const bytes = await writeModel(document, format);
  const path = join(folder, 'written');
  writeFileSync(path, bytes);
  return { bytes, again: await readModel(path, { optimizer: true }) };
}

it('there are files of Keras 2, of the first versions of Keras 3, and of the converter', () => {
  const kinds = new Set(files.map(({ name }) => name.replace(/-.*\.(\w+)$/, ' $1')));
  expect([...kinds].sort()).toEqual(['converter zip', 'keras h5', 'keras keras']);
  expect(files.length).toBeGreaterThanOrEqual(50);
});

describe.each(files.map(({ name, path }) => ({ name, path })))('$name', ({ name, path }) => {
  const document = documentOf(name);
  const { format } = document.source;

  it('is known by its content', async () => {
    expect(format).toBe(name.endsWith('.zip') ? 'tfjs' : name.endsWith('.h5') ? 'h5' : 'keras');
    expect(isKeras2(document.config)).toBe(!name.startsWith('keras-3'));
    expect(modelFacts(document)).toMatchObject({ format, output_formats: writableFormats(document) });
    expect(await readModelConfig(path)).toEqual(document.config);
  });

  it('is the same model in every format that can hold it, and each file is the same twice', async () => {
    for (const other of MODEL_FORMATS) {
      if (!writableFormats(document).includes(other)) {
        await expectProblem(() => writeModel(document, other), 'UNSUPPORTED_CONVERSION');
        continue;
      }
      const { bytes, again } = await writtenAs(document, other);
      expectSameWeights(again, document);
      expect(again.graph.layers.map(({ name: layer, className, trainable }) => [layer, className, trainable])).toEqual(
        document.graph.layers.map(({ name: layer, className, trainable }) => [
          layer,
          className,
          // Keras 3 has no such option for it.
          className.startsWith('SpatialDropout') ? true : trainable,
        ]),
      );
      expect(again.graph.calls.map(({ layer, inputs, output }) => [layer.name, inputs, output])).toEqual(
        document.graph.calls.map(({ layer, inputs, output }) => [layer.name, inputs, output]),
      );
      expect(Buffer.compare(bytes, await writeModel(again, other)), other).toBe(0);
    }
  });

  it('keeps its config, names and optimizer in the format that it came in', async () => {
    if (!writableFormats(document).includes(format)) return;
    const { again } = await writtenAs(document, format);
    const { compile_config: compile, ...config } = document.config;
    const { compile_config: compiled, ...written } = again.config;
    expect(written).toEqual(config);
    expect(Boolean(compiled)).toBe(Boolean(compile));
    expect(again.metadata).toEqual(document.metadata);
    expect([...again.source.names]).toEqual([...document.source.names]);
    if (format !== 'tfjs') expect(again.optimizer?.map(({ data }) => [...data])).toEqual(document.optimizer?.map(({ data }) => [...data]));
  });
});

it.each<[string, ModelFormat, RegExp]>([
  ['keras-2-hard_sigmoid.h5', 'keras', /\(Dense\) has the hard_sigmoid of Keras 2/],
  ['keras-2-hard_sigmoid.h5', 'tfjs', /^$/],
  ['keras-3.3-operations.keras', 'h5', /operations, such as \w+ \(\w+\)/],
  ['keras-2-conv.h5', 'tfjs', /groups 2 of Conv2D/],
  ['keras-2-rnn.h5', 'tfjs', /reset_after true of GRU/],
  ['keras-2-shared.h5', 'tfjs', /inner is called more than once/],
  ['keras-2-masked.h5', 'tfjs', /mask_zero/],
])('%s as %s: %s', async (name, format, text) => {
  if (text.source === '^$') {
    const { again } = await writtenAs(documentOf(name), format);
    expect(JSON.stringify(again.config)).toContain('"hard_sigmoid"');
    return;
  }
  await expectProblem(() => writeModel(documentOf(name), format), 'UNSUPPORTED_CONVERSION', text);
});

it('an operation of TensorFlow keeps its numbers’ points in the dialect that needs them', async () => {
  const { bytes } = await writtenAs(documentOf('keras-2-operations.h5'), 'h5');
  expect(Buffer.from(bytes).toString('latin1')).toMatch(/"y":2\.0/);
});

it('half-precision numbers stay half-precision where the format has them', async () => {
  const half = documentOf('keras-2-half.h5');
  expect(half.source.narrow.size).toBe(4);
  const { bytes, again } = await writtenAs(half, 'safetensors');
  expect(again.source.narrow).toEqual(half.source.narrow);
  expect(bytes.length).toBeGreaterThan(0);
  const quantised = documentOf('converter-dense-float16.zip');
  expect((await writtenAs(quantised, 'tfjs')).again.source.narrow.size).toBe(quantised.weights.size);
});

it('a shard that begins with the byte of a brace is numbers, also where it stands before the model', async () => {
  const document = documentOf('converter-dense-float16.zip');
  const [[key, first]] = [...document.weights] as [[string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }]];
  const data = first.data.slice();
  new Uint8Array(data.buffer)[0] = '{'.charCodeAt(0);
  const source = { ...document.source, narrow: new Map() };
  await writtenAs({ ...document, source, weights: new Map([...document.weights, [key, { ...first, data }]]) }, 'tfjs');
  const path = join(folder, 'written');
  const { entries } = await readZip(path, 2 ** 20);
  writeFileSync(path, await writeZip([...entries].toReversed()));
  expect((await readModel(path)).weights.get(key)!.data[0]).toBe(data[0]);
});
