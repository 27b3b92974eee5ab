/**
 * A sample of the corpus: a network of each family of classes, and functional graphs drawn at random. Each is saved by stock Keras in every format, read,
 * predicted, counted, trained for a step, written and loaded again, and exported and run in the exports' own runtimes. `npm run corpus` does so with all of
 * them, but for the exports, which `npm run exports-docs` has.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCorpus } from './corpus.ts';
import { allowedIn, type ExportFormat, exportCorpus } from './exports.ts';
import { FORMATS, foundOf, isRight } from './found.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-sample-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const results = await runCorpus(folder, { names: '^(family_|random_([0-9]|1[01])$)', groups: 'Families|Random graphs' });
const exported = new Map((await exportCorpus(folder)).map((network) => [network.facts.name, network]));

it('has twelve random graphs and every family', () => {
  expect(results.filter(({ facts }) => facts.group === 'Random graphs')).toHaveLength(12);
  expect(results.length).toBeGreaterThan(24);
});

describe.each(results.map((result) => [result.facts.name, result] as const))('%s', (_name, result) => {
  it('is what Keras makes of it in every format, and stays so', () => {
    const found = foundOf(result);
    const wrong = FORMATS.filter((format) => !isRight(found[format])).map((format) => result.formats[format]);
    expect(wrong).toEqual([]);
  });

  it('is what Keras makes of it in every export', () => {
    const formats = Object.entries(exported.get(result.facts.name)!.formats);
    const right = formats.filter(
      ([format, found]) => found.kind === 'ran' && found.difference <= allowedIn(format as ExportFormat, result.facts),
    );
    expect(right.map(([format]) => format)).toEqual(formats.map(([format]) => format));
  });

  it.runIf(result.step !== null)('takes the step that Keras takes', () => {
    expect(result.step).toEqual({ kind: 'right' });
  });
});
