/** The recurrent, attention and embedding classes against stock Keras: output, gradients, parameters, and files written here and loaded there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parameterCount } from '../../src/model/costs.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { gradientsOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';
import { RECURRENT_ATTENTION_CLASSES } from '../helpers/recurrent-attention.ts';

interface Net {
  x: KerasArray;
  parameters: number;
  /** Whether training draws numbers, which Keras draws otherwise. */
  drops: boolean;
  direction: KerasArray;
  y: KerasArray;
  dx: KerasArray;
  weights: Record<string, KerasArray>;
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-recurrent-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const nets = await keras.run<Record<string, Net>>('recurrent_attention', { folder });
const load = (name: string) => readModel(join(folder, `${name}.keras`));
const names = Object.keys(nets);

const FORWARD = { relative: 1e-5, absolute: 5e-6 };
const GRADIENT = { relative: 1e-4, absolute: 1e-5 };

it('every class is among the nets', async () => {
  const classes = new Set<string>();
  for (const name of names) for (const layer of (await load(name)).graph.layers) classes.add(layer.className);
  for (const name of RECURRENT_ATTENTION_CLASSES) expect(classes).toContain(name);
});

describe.each(names)('%s', (name) => {
  const { x, parameters, drops, direction, y, dx, weights } = nets[name]!;

  it.each(drops ? [false] : [false, true])('is and differentiates as in Keras, in training: %s', async (training) => {
    const actual = gradientsOf(await load(name), x, direction, training);
    expectClose(actual.y, y.data, FORWARD, 'outputs');
    expectClose(actual.dx, dx.data, GRADIENT, 'gradients of the input');
    expect([...actual.weights.keys()].sort()).toEqual(Object.keys(weights).sort());
    for (const [key, gradient] of actual.weights) expectClose(gradient, weights[key]!.data, GRADIENT, `gradients of ${key}`);
  });

  it('has the parameters that Keras counts', async () => {
    expect(parameterCount((await load(name)).graph).total).toBe(parameters);
  });
});

it('files written here are models of Keras', async () => {
  const cases: { path: string; x: KerasArray }[] = [];
  for (const name of names) {
    const path = join(folder, `${name} again.keras`);
    writeFileSync(path, await writeKeras(await load(name)));
    cases.push({ path, x: nets[name]!.x });
  }
  const answers = await keras.run<{ predictions: KerasArray; parameters: number }[]>('recurrent_attention', { check: cases });
  for (const [index, name] of names.entries()) {
    expect(answers[index]!.parameters).toBe(nets[name]!.parameters);
    expectClose(answers[index]!.predictions.data, nets[name]!.y.data, {}, name);
  }
});
