/** Files that must be refused, through the process that reads uploads: each with its code, in bounded time and memory, and with nothing left behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Problem } from '../../src/errors.ts';
import { inspectModel } from '../../src/upload/inspect.ts';
import { python } from './corpus.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-refused-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
await python('refused.py', folder);
const codes = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Record<string, string>;
// Two are read at once.
const answers = new Map(Object.keys(codes).map((name) => [name, inspectModel(join(folder, name)).catch((error: unknown) => error)]));

it('there are at least a hundred of them', () => {
  expect(Object.keys(codes).length).toBeGreaterThanOrEqual(100);
});

describe.each(Object.entries(codes))('%s', (name, code) => {
  it(`is refused with ${code}`, async () => {
    const problem = await answers.get(name)!;
    if (!(problem instanceof Problem)) throw problem instanceof Error ? problem : new Error(`Accepted: ${JSON.stringify(problem)}`);
    expect(problem.code, problem.message).toBe(code);
    // By what is wrong with it, and not because it took the time or the memory that an upload may take.
    expect(problem.message).not.toMatch(/longer than the limit|more memory than the limit/);
    // What is said of it may be shown: one short sentence, nothing of this machine.
    expect(problem.message.length).toBeLessThan(4000);
    expect(problem.message).not.toContain(folder);
  });
});

it('nothing was unpacked beside them', () => {
  expect(existsSync('/tmp/espalier-was-here')).toBe(false);
});
