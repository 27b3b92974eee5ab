import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LAYER_CLASSES } from '../src/model/layers/index.ts';
import type { LayerClass } from '../src/model/layers/layer-class.ts';
import { EXCEPTIONS, isExpected } from './corpus/expected.ts';
import { FORMATS, isRight, readFound } from './corpus/found.ts';

const found = readFound();

it('docs/coverage.md is what the registries and the corpus say', () => {
  expect(readFileSync('docs/coverage.md', 'utf8')).toBe(execFileSync(process.execPath, ['scripts/coverage.ts'], { encoding: 'utf8' }));
});

it('every class is in a network of the corpus that is right, and in docs/coverage.md', () => {
  const page = readFileSync('docs/coverage.md', 'utf8');
  const right = new Set(found.filter(({ keras }) => isRight(keras)).flatMap(({ classes }) => classes));
  expect(Object.keys(LAYER_CLASSES).filter((name) => !right.has(name) || !page.includes(`| ${name} |`))).toEqual([]);
});

it('one step of every class with weights that training moves is that of Keras', () => {
  const trained = new Set(found.filter(({ step }) => step === 'right').flatMap(({ trained }) => trained ?? []));
  const withWeights = Object.entries<LayerClass>(LAYER_CLASSES).filter(([, { weights }]) => weights !== undefined);
  expect(withWeights.length).toBeGreaterThan(30);
  // Those of a Normalization are statistics alone.
  expect(withWeights.map(([name]) => name).filter((name) => !trained.has(name))).toEqual(['Normalization']);
});

it('every finding is as expected, and no exception is one that nothing meets', () => {
  const unexpected = found.flatMap((entry) =>
    FORMATS.filter((format) => !isExpected(entry.name, format, entry[format])).map(
      (format) => `${entry.name}, ${format}: ${entry[format]}`,
    ),
  );
  expect(unexpected).toEqual([]);
  expect(found.filter(({ step }) => step !== null && step !== 'right').map(({ name }) => name)).toEqual([]);
  expect(EXCEPTIONS.filter(({ networks }) => !found.some(({ name }) => networks.test(name))).map(({ why }) => why)).toEqual([]);
});
