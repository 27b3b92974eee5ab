/** Models that stock Keras made, cut here, are models of stock Keras again: it loads them, predicts what the engine predicts, and trains on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { parameterCount } from '../../src/model/costs.ts';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { prunableKernels } from '../../src/pruning/kernels.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { generator } from '../../src/random.ts';
import { numbersOf, tensorOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

interface Made {
  x: KerasArray;
  y: KerasArray;
  predictions: KerasArray;
}
interface Checked {
  predictions: KerasArray;
  parameters: number;
  warnings: string[];
  names: string[];
  losses: number[];
  metrics: string[];
}

const keras = startKeras();
const folder = mkdtempSync(join(tmpdir(), 'espalier-reload-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function predict(document: ModelDocument, x: KerasArray): Float32Array {
  const weights = Variables.from(document.weights);
  try {
    return tf.tidy((() =>
      numbersOf(
        forward(document.graph, (key) => weights.read(key), [tensorOf(x)], { training: false })[0]!,
      )) as () => never) as unknown as Float32Array;
  } finally {
    weights.dispose();
  }
}

/** Every group without a random part of its units; the first stays. */
function withoutChannels(document: ModelDocument): ModelDocument {
  const map = channelMap(document.graph);
  const { uniform } = generator(1, 'cut');
  const removed = new Uint8Array(map.unitCount);
  for (const group of map.groups) {
    if (group.frozen) continue;
    for (const unit of group.units.subarray(1)) if (uniform() < 0.4) removed[unit] = 1;
  }
  return removeUnits(document, map, removed);
}

function withoutWeights(document: ModelDocument): ModelDocument {
  const weights = new Map(document.weights);
  const { uniform } = generator(1, 'zeros');
  for (const { key } of prunableKernels(document.graph, { exclude: [] })) {
    const { shape, data } = weights.get(key)!;
    weights.set(key, { shape, data: data.map((value) => (uniform() < 0.8 ? 0 : value)) });
  }
  return withWeights(document, weights);
}

const made = await keras.run<Record<string, Made>>('reload', { make: folder });
const cases: { name: string; how: string; original: ModelDocument; document: ModelDocument; path: string }[] = [];
for (const name of Object.keys(made)) {
  const original = await readModel(join(folder, `${name}.keras`));
  for (const [how, document] of [
    ['as it was', original],
    ['without channels', withoutChannels(original)],
    ['with zeros', withoutWeights(original)],
  ] as const) {
    const path = join(folder, `${name} ${how}.keras`);
    writeFileSync(path, await writeKeras(document));
    cases.push({ name, how, original, document, path });
  }
}
const checked = await keras.run<Checked[]>('reload', {
  check: cases.map(({ name, path }) => ({ path, x: made[name]!.x, y: made[name]!.y })),
});

it('what Keras made is predicted here as there', () => {
  for (const { name, how, document } of cases) {
    if (how === 'as it was') expectClose(predict(document, made[name]!.x), made[name]!.predictions.data, { relative: 1e-5 }, name);
  }
});

describe.each(cases.map((entry, index) => ({ ...entry, answer: checked[index]! })))(
  '$name $how',
  ({ name, how, original, document, path, answer }) => {
    it('predicts in Keras what it predicts here', async () => {
      const predicted = predict(document, made[name]!.x);
      expectClose(answer.predictions.data, predicted, { relative: 1e-5 });
      expectClose(predict(await readModel(path), made[name]!.x), predicted, {}, 'read again');
    });

    it('has its parameters, its names, and nothing to warn of but the optimizer it leaves out', () => {
      expect(answer.parameters).toBe(parameterCount(document.graph).total);
      if (how === 'without channels') expect(answer.parameters).toBeLessThan(0.95 * parameterCount(original.graph).total);
      const names = new Set(answer.names);
      for (const layer of original.graph.layers) expect(names).toContain(layer.name);
      for (const warning of answer.warnings) expect(warning).toMatch(/optimizer/i);
    });

    it('trains on in Keras as it was compiled', () => {
      expect(answer.metrics).toEqual(['accuracy', 'loss']);
      const [first, second] = answer.losses as [number, number];
      expect(Number.isFinite(first) && Number.isFinite(second)).toBe(true);
      expect(second).not.toBe(first);
    });
  },
);
