/**
 * Runs the corpus, keeps what is found in `found.jsonl`, and writes docs/coverage.md of it: npm run corpus [-- --only REGEX --folder FOLDER]
 *
 * `--only` some networks, by name; what was found of the others stays. `--folder` keeps the networks' files there, and compares those that are there already
 * without making them anew. Ends with code 1 where something is not as expected.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compareCorpus, runCorpus } from './corpus.ts';
import { isExpected } from './expected.ts';
import { FORMATS, foundOf, isRight, verdictOf, writeFound } from './found.ts';

const { only: names = '', folder: kept } = parseArgs({ options: { only: { type: 'string' }, folder: { type: 'string' } } }).values;
const folder = kept ?? mkdtempSync(join(tmpdir(), 'espalier-corpus-'));
mkdirSync(folder, { recursive: true });
try {
  const isMade = existsSync(join(folder, 'networks.json'));
  const results = await (isMade ? compareCorpus(folder, { names }) : runCorpus(folder, { names }));
  writeFound(results.map(foundOf), { all: names === '' });
  const root = resolve(import.meta.dirname, '../..');
  const page = execFileSync(process.execPath, ['scripts/coverage.ts'], { cwd: root, maxBuffer: 2 ** 26 });
  writeFileSync(join(root, 'docs/coverage.md'), page);

  for (const format of FORMATS) {
    const counts = new Map<string, number>();
    for (const { formats } of results) {
      const { kind } = formats[format];
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    console.log(`${format}: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
  }
  const unexpected = results.flatMap(({ facts, formats, step }) => [
    ...FORMATS.filter((format) => !isExpected(facts.name, format, verdictOf(formats[format]))).map(
      (format) => `${facts.name}, ${format}: ${JSON.stringify(formats[format])}`,
    ),
    ...(step === null || isRight(verdictOf(step)) ? [] : [`${facts.name}, one step: ${JSON.stringify(step)}`]),
  ]);
  for (const line of unexpected) console.log(line.slice(0, 600));
  console.log(`${results.length} networks, ${unexpected.length} findings that are not expected`);
  process.exitCode = unexpected.length > 0 ? 1 : 0;
} finally {
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
