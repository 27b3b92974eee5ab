/** Models of several inputs and outputs, with masks, states and operations, against stock Keras: outputs, gradients, moved statistics, and files written here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/model/formats/index.ts';
import { networkGradients } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

interface Gradients {
  y: KerasArray[];
  dx: KerasArray[];
  weights: Record<string, KerasArray>;
}
interface Net {
  /** In the order of the model's inputs. */
  x: KerasArray[];
  directions: KerasArray[];
  inference: Gradients;
  training?: Gradients;
  after?: Record<string, KerasArray>;
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-graphs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const nets = await keras.run<Record<string, Net>>('graphs', { folder });
const load = (name: string) => readModel(join(folder, `${name}.keras`));

const FORWARD = { relative: 1e-5, absolute: 5e-6 };
const GRADIENT = { relative: 1e-4, absolute: 1e-5 };

describe.each(Object.keys(nets))('%s', (name) => {
  const { x, directions, inference, training, after } = nets[name]!;

  it.each(training ? (['inference', 'training'] as const) : (['inference'] as const))(
    'is and differentiates in %s as in Keras',
    async (mode) => {
      const document = await load(name);
      const expected = mode === 'inference' ? inference : training!;
      expect(document.graph.inputs.map(({ shape }) => shape.length + 1)).toEqual(x.map(({ shape }) => shape.length));
      const actual = networkGradients(document, x, directions, mode === 'training');
      expect(actual.y.length).toBe(expected.y.length);
      for (const [index, y] of actual.y.entries()) expectClose(y, expected.y[index]!.data, FORWARD, `output ${index}`);
      for (const [index, dx] of actual.dx.entries()) expectClose(dx, expected.dx[index]!.data, GRADIENT, `gradients of input ${index}`);
      expect([...actual.weights.keys()].sort()).toEqual(Object.keys(expected.weights).sort());
      for (const [key, gradient] of actual.weights) expectClose(gradient, expected.weights[key]!.data, GRADIENT, `gradients of ${key}`);
      if (mode === 'inference') expect(actual.moved.size).toBe(0);
      else {
        for (const [key, { data }] of Object.entries(after!)) {
          expectClose(actual.moved.get(key) ?? document.weights.get(key)!.data, data, FORWARD, `${key} after the call`);
        }
      }
    },
  );
});
