/** Every family of keras.applications is read and run as stock Keras runs it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { parameterCount } from '../../src/model/costs.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { channelMap } from '../../src/pruning/groups.ts';
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

  const variables = Variables.from(document.weights);
  try {
    const own = tf.tidy(() => {
      const [output] = forward(graph, (key) => variables.read(key), [tensorOf(x)], { training: false });
      return tf.keep(output!);
    });
    // EfficientNetV2 is ill-conditioned: Keras itself moves by 1e-3 when its input moves by 1e-7.
    const tolerance = family.startsWith('EfficientNetV2') ? 1e-3 : 1e-5;
    expect(relativeDistance(numbersOf(own), logits.data)).toBeLessThan(tolerance);
    own.dispose();
  } finally {
    variables.dispose();
  }
});
