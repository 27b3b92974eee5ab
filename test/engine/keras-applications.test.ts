/** Every family of keras.applications is read and run as stock Keras runs it; some are cut too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { proveRemoval } from '../../src/engine/proof.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { parameterCount } from '../../src/model/costs.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import { numbersOf, tensorOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { relativeDistance } from '../helpers/numbers.ts';

interface Answer {
  x: KerasArray;
  logits: KerasArray;
  parameters: number;
  trainable: number;
  shapes: Record<string, number[]>;
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-applications-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const families = await keras.run<string[]>('applications', { names: true });

function predict(document: ModelDocument, x: KerasArray): Float32Array {
  const variables = Variables.from(document.weights);
  const output = tf.tidy(() => {
    const [made] = forward(document.graph, (key) => variables.read(key), [tensorOf(x)], { training: false });
    return tf.keep(made!);
  });
  const numbers = numbersOf(output);
  output.dispose();
  variables.dispose();
  return numbers;
}

it.each(families)('%s', async (family) => {
  const path = join(folder, `${family}.keras`);
  const { x, logits, parameters, trainable, shapes } = await keras.run<Answer>('applications', { family, path });
  const document = await readModel(path);
  rmSync(path);
  const { graph } = document;
  expect(parameterCount(graph)).toEqual({ total: parameters, trainable });
  const read = graph.calls.filter(({ layer }) => !layer.name.includes('/')).map(({ layer, outputShape }) => [layer.name, outputShape]);
  const inputs = graph.inputs.map(({ name, shape }) => [name, shape]);
  expect(Object.fromEntries([...inputs, ...read])).toMatchObject(shapes);
  expect(channelMap(graph).groups.length).toBeGreaterThan(0);

  // Other logits for the two samples, or agreement would say nothing.
  const half = logits.data.length / 2;
  expect(relativeDistance(logits.data.subarray(0, half), logits.data.subarray(half))).toBeGreaterThan(0.01);
  // EfficientNetV2 is ill-conditioned: Keras itself moves by 1e-3 when its input moves by 1e-7.
  const tolerance = family.startsWith('EfficientNetV2') ? 1e-3 : 1e-5;
  expect(relativeDistance(predict(document, x), logits.data)).toBeLessThan(tolerance);
});

it.each(['MobileNetV3', 'EfficientNet'])(
  '%s with channels cut out is proved, and loads and predicts the same in stock Keras',
  async (family) => {
    const path = join(folder, `${family}.keras`);
    const { x } = await keras.run<{ x: KerasArray }>('applications', { family, path });
    const original = await readModel(path);
    const map = channelMap(original.graph);
    const { uniform } = generator(3, family);
    const removed = new Uint8Array(map.unitCount);
    const free = map.groups.filter((group) => group.frozen === null);
    for (const group of free) for (const unit of group.units.slice(1)) removed[unit] = uniform() < 0.25 ? 1 : 0;
    expect(removed.reduce((count, unit) => count + unit, 0)).toBeGreaterThan(20);
    const smaller = removeUnits(original, map, removed);
    const probes = tensorOf(x);
    try {
      expect(proveRemoval(original, smaller, map, removed, [probes])).toMatchObject({ holds: true, vacuous: false });
    } finally {
      probes.dispose();
    }
    const cut = join(folder, `${family}-cut.keras`);
    await writeFile(cut, await writeKeras(smaller));
    const reloaded = await keras.run<KerasArray>('applications', { path: cut, x });
    expect(relativeDistance(predict(smaller, x), reloaded.data)).toBeLessThan(1e-5);
  },
);
