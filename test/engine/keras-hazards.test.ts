/** What random cuts leave of every tiny network: stock Keras loads it, predicts what the engine does, and proves the removal in float64 by a proof of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import type { Units } from '../../src/model/layers/index.ts';
import { type ChannelMap, channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import { type Generator, generator } from '../../src/random.ts';
import { HAZARDS, hazardDocument } from '../helpers/hazards.ts';
import { startKeras } from '../helpers/keras.ts';
import { relativeDistance } from '../helpers/numbers.ts';
import { expectSameInKeras, outputsOf, probesOf } from '../helpers/same-in-keras.ts';

const keras = startKeras();

interface Cut {
  name: string;
  original: ModelDocument;
  map: ChannelMap;
  removed: Uint8Array;
  smaller: ModelDocument;
  alike: readonly string[];
  random: Generator;
}

/** Other weights, and another fraction of every group: at least a unit goes, and at least one stays. */
function cutOf(hazard: string, seed: number, ratio: number): Cut {
  const { alike = [] } = HAZARDS[hazard]!;
  const random = generator(seed, hazard);
  const original = hazardDocument(HAZARDS[hazard]!, seed);
  const map = channelMap(original.graph);
  const removed = new Uint8Array(map.unitCount);
  for (const { frozen, kind, units } of map.groups) {
    if (frozen || units.length < 2) continue;
    // A query is rescaled by half where one dimension of four is left, which float32 holds; other parts it rounds.
    const fraction = kind === 'key_dimensions' ? 1 : ratio;
    const stays = random.int(units.length);
    const goes = (stays + 1 + random.int(units.length - 1)) % units.length;
    for (const [place, unit] of units.entries()) if (place !== stays && (place === goes || random.uniform() < fraction)) removed[unit] = 1;
  }
  const name = `${hazard}, seed ${seed}, ratio ${ratio}`;
  return { name, original, map, removed, smaller: removeUnits(original, map, removed), alike, random };
}

/**
 * Surgery that takes another unit than it should along one axis of one weight, one that tells: where a normalisation is left with one channel of a group, its
 * mean takes a wrong bias away as it does the right one.
 */
function planted({ name, original, map, removed, smaller, alike, random }: Cut): ModelDocument {
  const places = map.groups.flatMap(({ frozen, kind, units }) => {
    if (frozen) return [];
    const [goes, stays] = [units.find((unit) => removed[unit] === 1), units.find((unit) => removed[unit] === 0)];
    return [...map.bindings].flatMap(([key, bindings]) =>
      bindings.flatMap((binding, at) => {
        const count = (wanted: number | undefined): number => binding.units.filter((unit) => unit === wanted).length;
        const fits = count(goes) > 0 && count(goes) === count(stays) && !alike.includes(`${kind} ${key} ${binding.axis}`);
        return fits ? [{ key, at, goes: goes!, stays: stays! }] : [];
      }),
    );
  });
  const x = probesOf(original);
  const right = outputsOf(smaller, x);
  for (const place of random.permutation(places.length)) {
    const { key, at, goes, stays } = places[place]!;
    const bindings = map.bindings.get(key)!;
    const { axis, units } = bindings[at]!;
    const swapped = units.map((unit) => (unit === goes ? stays : unit === stays ? goes : unit));
    const wrong = new Map([...map.bindings, [key, bindings.with(at, { axis, units: swapped })] as const]);
    const document = removeUnits(original, { ...map, bindings: wrong }, removed);
    if (outputsOf(document, x).some((output, index) => relativeDistance(output, right[index]!) > 1e-4)) return document;
  }
  throw new Error(`${name}: no wrong index tells`);
}

/** New draws each time the tests run: what fails says which they were. */
const draws = fc.sample(fc.record({ seed: fc.nat(), ratio: fc.double({ min: 0, max: 1, noNaN: true }) }), Object.keys(HAZARDS).length);
const cuts = Object.keys(HAZARDS).map((hazard, at) => cutOf(hazard, draws[at]!.seed, draws[at]!.ratio));
/** Some two hundred files are loaded by Keras. */
const timeout = 600_000;

it('networks that were cut predict the same in stock Keras', { timeout }, async () => {
  await expectSameInKeras(
    keras,
    cuts.map(({ name, original, smaller }) => ({ name, document: smaller, x: probesOf(original) })),
  );
});

it('they are in float64 the originals with their removed units silenced, and those cut at one wrong index are not', {
  timeout,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-float64-'));
  try {
    const cases = [];
    for (const [index, cut] of cuts.entries()) {
      const { original, map, removed } = cut;
      const write = async (name: string, document: ModelDocument): Promise<string> => {
        const path = join(folder, `${index}-${name}.keras`);
        await writeFile(path, await writeKeras(inFloat64(document)));
        return path;
      };
      const gone = (units: Units): number[] => [...units.keys()].filter((place) => removed[units[place]!]);
      const inside = Object.entries(Object.groupBy(map.silenced, ({ call }) => call.layer.name)).map(
        ([layer, axes]) => [layer, Object.fromEntries(axes!.map(({ name, units }) => [name, gone(units)]))] as const,
      );
      cases.push({
        original: await write('original', original),
        smaller: [await write('smaller', cut.smaller), await write('planted', planted(cut))],
        own: Object.fromEntries(map.producers.map(({ call, units }) => [call.layer.name, gone(units)])),
        inside: Object.fromEntries(inside),
        x: probesOf(original, 8),
      });
    }
    const differences = await keras.run<[right: number, planted: number][]>('removal_proof', cases);
    for (const [index, { name }] of cuts.entries()) {
      expect(differences[index]![0], name).toBeLessThan(1e-9);
      expect(differences[index]![1], name).toBeGreaterThan(1e-6);
    }
    expect(Object.keys(HAZARDS).length).toBeGreaterThan(50);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The same numbers under a config of float64, which says nothing of how layers were built. */
function inFloat64(document: ModelDocument): ModelDocument {
  const text = JSON.stringify(document.config, (name, value) => (name === 'build_config' ? undefined : value));
  return { ...document, config: JSON.parse(text.replaceAll('"float32"', '"float64"')) };
}
