/** Every layer class and option against stock Keras: output, gradients, and the statistics that training moves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/model/formats/index.ts';
import { isLayerClass, LAYER_CLASSES } from '../../src/model/layers/index.ts';
import { refusalOf } from '../../src/model/layers/refused.ts';
import { gradientsOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';
import { RECURRENT_ATTENTION_CLASSES } from '../helpers/recurrent-attention.ts';

interface Gradients {
  y: KerasArray;
  dx: KerasArray;
  weights: Record<string, KerasArray>;
}
interface Net {
  x: KerasArray;
  direction: KerasArray;
  inference: Gradients;
  training?: Gradients;
  after?: Record<string, KerasArray>;
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-layers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const nets = await keras.run<Record<string, Net>>('layers', { folder });
const load = (name: string) => readModel(join(folder, `${name}.keras`));

const FORWARD = { relative: 1e-5, absolute: 5e-6 };
const GRADIENT = { relative: 1e-4, absolute: 1e-5 };

it('every layer class is among the nets', async () => {
  const classes = new Set<string>();
  for (const name of Object.keys(nets)) for (const layer of (await load(name)).graph.layers) classes.add(layer.className);
  // Operations are in nets of their own.
  const layers = [...classes].filter((name) => !name.startsWith('ops.'));
  const all = Object.keys(LAYER_CLASSES).filter((name) => !name.startsWith('ops.'));
  expect([...layers, ...RECURRENT_ATTENTION_CLASSES].sort()).toEqual(all.sort());
});

it('every layer class of Keras is run, or refused with a reason and what comes nearest', async () => {
  const { layers } = await keras.run<{ layers: string[] }>('classes', {});
  expect(layers.length).toBeGreaterThan(100);
  const code = ['Lambda'];
  const unknown = layers.filter((name) => !isLayerClass(name) && refusalOf(name, false) === null && !code.includes(name));
  // It is saved under the name of keras.layers, GroupQueryAttention.
  expect(unknown).toEqual(['GroupedQueryAttention']);
});

describe.each(Object.keys(nets))('%s', (name) => {
  const { x, direction, inference, training, after } = nets[name]!;

  it.each(training ? (['inference', 'training'] as const) : (['inference'] as const))(
    'is and differentiates in %s as in Keras',
    async (mode) => {
      const document = await load(name);
      const expected = mode === 'inference' ? inference : training!;
      const actual = gradientsOf(document, x, direction, mode === 'training');
      expectClose(actual.y, expected.y.data, FORWARD, 'outputs');
      expectClose(actual.dx, expected.dx.data, GRADIENT, 'gradients of the input');
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

it('a LeakyReLU spelt as Keras 2 spelt it has that slope', async () => {
  const document = await load('leaky_relu_slope');
  const { options } = document.graph.layers[0]!;
  options.alpha = options.negative_slope;
  delete options.negative_slope;
  const { x, direction, inference } = nets.leaky_relu_slope!;
  expectClose(gradientsOf(document, x, direction, false).y, inference.y.data, FORWARD);
});
