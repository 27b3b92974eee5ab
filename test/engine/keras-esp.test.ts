/** The decoder for Python gives the weights of an `.esp` file bit for bit, and stock Keras makes of them what the engine does. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { encodeContainer, openContainer } from '../../src/model/formats/esp/container.ts';
import { writeEsp } from '../../src/model/formats/esp/index.ts';
import { generator } from '../../src/random.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, sequential } from '../helpers/documents.ts';
import { drawn, tensorOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectSameBits, relativeDistance } from '../helpers/numbers.ts';

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-esp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const random = generator(4, 'esp');
const step = Math.fround(0.013);
/** Floats with zeros, multiples of a step small and large, a list, half precision, and dead rows. */
const FILLS: Record<string, (index: number) => number> = {
  'c/kernel': () => (random.uniform() < 0.6 ? 0 : random.normal()),
  'c/bias': () => random.normal(),
  'd/kernel': (index) => (index % 20 === 3 || random.uniform() < 0.7 ? 0 : step * (random.int(61) - 30)),
  'e/kernel': () => [0, 0, -0.7, 0.11, 0.3, 1.9][random.int(6)]!,
  'b/kernel': (index) => (random.int(15) - 7) * [0.0625, 0.01171875, 0.5][index % 3]!,
  'f/kernel': () => Math.f16round(random.normal()),
  'out/bias': (index) => (index === 1 ? -0 : 0.25),
};

it('a network of every kind of numbers', async () => {
  const document = documentOf(
    sequential(
      [6, 6, 2],
      [
        conv2d('c', 8, 3),
        batchNormalization('n'),
        flatten('g'),
        dense('d', 20),
        dense('e', 12),
        dense('b', 15),
        dense('f', 9),
        dense('out', 3),
      ],
    ),
    (key, index, role) => FILLS[key]?.(index) ?? (role === 'statistic' ? 1 + random.uniform() : random.normal()),
  );
  const path = join(folder, 'model.esp');
  writeFileSync(path, writeEsp(document));
  const x = drawn([4, 6, 6, 2], 'probes');
  const { weights, y } = await keras.run<{ weights: KerasArray[]; y: KerasArray }>('esp', { path, x });
  const keys = [...document.weights.keys()];
  expect(weights).toHaveLength(keys.length);
  for (const [index, key] of keys.entries()) expectSameBits(weights[index]!.data, document.weights.get(key)!.data, key);
  const variables = Variables.from(document.weights);
  const ours = tf.tidy(() =>
    forward(document.graph, (key) => variables.read(key), [tensorOf(x)], { training: false })[0]!.dataSync<'float32'>(),
  );
  variables.dispose();
  expect(relativeDistance(ours, y.data)).toBeLessThan(1e-5);
});

it('is not read where it was damaged, or says that more follows than there is to be room for', async () => {
  const file = writeEsp(documentOf(sequential([8], [dense('d', 4)]), () => random.normal()));
  const zeros = (shape: number[]) => ({
    shape,
    data: new Float32Array(shape[0]! * shape[1]!),
    narrow: null,
    periods: { place: 0, row: 0 },
  });
  const half = 2 ** 10;
  const files: [Uint8Array, RegExp][] = [
    [file.subarray(0, 3), /no .esp file/],
    [Buffer.concat([file.subarray(0, 20), Buffer.of(file[20]! ^ 1), file.subarray(21)]), /checksum/],
    [encodeContainer({ text: openContainer(file).text, tensors: [zeros([half, half / 2]), zeros([half, half])] }), /shape \[1024, 1024\]/],
  ];
  const damaged = files.map(([bytes], index) => {
    const path = join(folder, `damaged-${index}.esp`);
    writeFileSync(path, bytes);
    return path;
  });
  const refusals = await keras.run<(string | null)[]>('esp', { damaged });
  for (const [index, [, pattern]] of files.entries()) expect(refusals[index]).toMatch(pattern);
});

it('has the same dictionary and templates here and there, and is one file of at most 250 lines that needs NumPy alone', () => {
  const python = 'clients/python/espalier';
  for (const [there, here] of [
    ['esp_dictionary.txt', 'dictionary.txt'],
    ['esp_templates.json', 'templates.json'],
  ] as const) {
    expect(readFileSync(join(python, there)).equals(readFileSync(join('src/model/formats/esp', here)))).toBe(true);
  }
  const decoder = readFileSync(`${python}/esp.py`, 'utf8');
  expect(decoder.trimEnd().split('\n').length).toBeLessThanOrEqual(250);
  const imports = [...decoder.matchAll(/^ *(?:import|from) (\S+)/gm)].map(([, name]) => name!);
  expect(imports.sort()).toEqual(['collections', 'itertools', 'json', 'math', 'numpy', 'pathlib', 're', 'zlib']);
});
