/** What fuzzing once found, and every parser's seeds, read again: each is read or refused with a code, in little time. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/errors.ts';
import { inspectModel } from '../../src/upload/inspect.ts';
import { TARGETS } from './targets.ts';

const CORPUS = join(import.meta.dirname, 'corpus');
const ENDLESS = join(import.meta.dirname, 'endless');
const KNOWN = [null, ...Object.keys(PROBLEMS)];

// HDF5 never returns from some damaged files: nothing but the end of its process helps.
it.each(readdirSync(ENDLESS))('%s costs its sender a refusal, and nobody else anything', async (file) => {
  await expect(inspectModel(join(ENDLESS, file), { timeoutMs: 4_000 })).rejects.toMatchObject({ code: 'MODEL_UNREADABLE' });
});

describe.each(Object.entries(TARGETS))('the parser of %s', (name, { seeds, run }) => {
  it('reads one of its seeds', async () => {
    const outcomes = [];
    for (const seed of await seeds()) outcomes.push(await run(seed));
    expect(outcomes).toContain(null);
  });

  const folder = join(CORPUS, name);
  it.each(existsSync(folder) ? readdirSync(folder) : [])('reads or refuses %s', async (file) => {
    expect(KNOWN).toContain(await run(readFileSync(join(folder, file))));
  });

  it('reads or refuses what has a few bytes changed, cut out or put in twice', async () => {
    const whole = await seeds();
    const change = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('set', 'cut', 'again'),
      length: fc.integer({ min: 1, max: 40 }),
      byte: fc.nat(255),
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...whole), fc.array(change, { minLength: 1, maxLength: 4 }), async (seed, changes) => {
        let bytes = Buffer.from(seed);
        for (const { at, kind, length, byte } of changes) {
          const place = at % Math.max(1, bytes.length);
          if (kind === 'set') bytes[place] = byte;
          else
            bytes = Buffer.concat([
              bytes.subarray(0, kind === 'cut' ? place : place + length),
              bytes.subarray(kind === 'cut' ? place + length : place),
            ]);
        }
        expect(KNOWN).toContain(await run(bytes));
      }),
      { numRuns: 20, seed: 1 },
    );
  });
});
