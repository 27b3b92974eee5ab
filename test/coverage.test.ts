import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('docs/coverage.md is what the registries say', () => {
  expect(readFileSync('docs/coverage.md', 'utf8')).toBe(execFileSync(process.execPath, ['scripts/coverage.ts'], { encoding: 'utf8' }));
});
