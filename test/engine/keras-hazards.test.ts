/** What a cut leaves of every tiny network loads in stock Keras, which predicts what the engine does. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { type ChannelMap, channelMap, unitOfElement } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { documentOf, randomFill } from '../helpers/documents.ts';
import { HAZARDS } from '../helpers/hazards.ts';
import { startKeras } from '../helpers/keras.ts';
import { expectSameInKeras, probesOf } from '../helpers/same-in-keras.ts';

const keras = startKeras();

it('networks with a unit less in every group predict the same in stock Keras', async () => {
  const cases = Object.entries(HAZARDS).map(([name, { config }]) => {
    const original = documentOf(config, randomFill(9));
    const map = channelMap(original.graph);
    const removed = new Uint8Array(map.unitCount);
    for (const group of map.groups) if (!group.frozen && group.units.length > 1) removed[group.units[1]!] = 1;
    return { name, document: removeUnits(original, map, removed), x: probesOf(original) };
  });
  await expectSameInKeras(keras, cases);
});

/** Half the square root of the number of key dimensions is exact; a third is not, and rounds the rescaled query to float32. */
const ROUNDED = 'heads that share a key';

it('is in float64 the network whose removed units have weights of 0, wherever a normalisation or softmax has not fewer of them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-float64-'));
  try {
    const cases = [];
    for (const [index, [name, { config, changed = false }]] of Object.entries(HAZARDS).entries()) {
      if (changed) continue;
      const original = documentOf(config, randomFill(9));
      const map = channelMap(original.graph);
      const removed = new Uint8Array(map.unitCount);
      for (const group of map.groups) {
        if (group.frozen || group.units.length < 2) continue;
        const keys = group.kind === 'key_dimensions';
        if (keys && name === ROUNDED) continue;
        for (const unit of keys ? group.units.subarray(1) : group.units.subarray(1, 2)) removed[unit] = 1;
      }
      const paths = { original: join(folder, `${index}-original.keras`), smaller: join(folder, `${index}-smaller.keras`) };
      await writeFile(paths.original, await writeKeras(inFloat64(silenced(original, map, removed))));
      await writeFile(paths.smaller, await writeKeras(inFloat64(removeUnits(original, map, removed))));
      cases.push({ name, paths, x: probesOf(original) });
    }
    const differences = await keras.run<number[]>(
      'silenced_float64',
      cases.map(({ paths, x }) => ({ ...paths, x })),
    );
    for (const [index, { name }] of cases.entries()) expect(differences[index], name).toBeLessThan(1e-9);
    expect(cases.length).toBeGreaterThan(35);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * The document with every weight of a removed unit at 0, along each axis that follows it. (The proof of a job silences tensors instead, without the map of
 * axes; here Keras says that what is left of the weights is put together as the document has it.)
 */
function silenced(document: ModelDocument, map: ChannelMap, removed: Uint8Array): ModelDocument {
  const weights = new Map(
    [...document.weights].map(([key, { shape, data }]) => {
      const units = (map.bindings.get(key) ?? []).map((binding) => unitOfElement(shape, binding));
      return [key, { shape, data: data.map((value, at) => (units.some((unitOf) => removed[unitOf(at)]) ? 0 : value)) }];
    }),
  );
  return withWeights(document, weights);
}

/** The same numbers under a config of float64, which says nothing of how layers were built. */
function inFloat64(document: ModelDocument): ModelDocument {
  const text = JSON.stringify(document.config, (name, value) => (name === 'build_config' ? undefined : value));
  return { ...document, config: JSON.parse(text.replaceAll('"float32"', '"float64"')) };
}
