/** Operations of keras.ops in functional models against stock Keras: outputs and gradients, and shapes as Keras infers them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inKeras3 } from '../../src/model/dialect.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { OPERATIONS } from '../../src/model/layers/operations/index.ts';
import { gradientsOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

interface Net {
  x: KerasArray;
  direction: KerasArray;
  y: KerasArray;
  dx: KerasArray;
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-operations-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const nets = await keras.run<Record<string, Net>>('operations', { folder });
const load = (name: string) => readModel(join(folder, `${name}.keras`));

it('every operation is among the nets', async () => {
  const found = new Set<string>();
  for (const name of Object.keys(nets)) for (const { className } of (await load(name)).graph.layers) found.add(className);
  expect(Object.keys(OPERATIONS).filter((name) => !found.has(name))).toEqual([]);
});

it('the module of each is known where a file does not say it, as in .h5', async () => {
  type Entry = { class_name: string; module?: string; registered_name?: string; config: { layers?: Entry[] } };
  const modules = (model: Entry) => model.config.layers!.map((entry) => [entry.config, entry.class_name, entry.module]);
  for (const name of Object.keys(nets)) {
    const { config } = (await load(name)) as unknown as { config: Entry };
    const layers = config.config.layers!.map(({ module: _module, registered_name: _registered, ...entry }) => entry);
    const read = inKeras3({ class_name: config.class_name, config: { ...config.config, layers } }) as Entry;
    expect(modules(read), name).toEqual(modules(config));
  }
});

describe.each(Object.keys(nets))('%s', (name) => {
  it('is and differentiates as in Keras', async () => {
    const { x, direction, y, dx } = nets[name]!;
    const document = await load(name);
    expect(document.graph.outputs[0]!.shape).toEqual(y.shape.slice(1));
    const actual = gradientsOf(document, x, direction, false);
    expectClose(actual.y, y.data, { relative: 1e-5, absolute: 5e-6 }, 'outputs');
    expectClose(actual.dx, dx.data, { relative: 1e-4, absolute: 1e-5 }, 'gradients of the input');
  });
});
