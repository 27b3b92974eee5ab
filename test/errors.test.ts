import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('docs/errors.md is what src/errors.ts generates', () => {
  const generated = execFileSync(process.execPath, ['scripts/error-docs.ts'], { encoding: 'utf8' });
  expect(readFileSync('docs/errors.md', 'utf8')).toBe(generated);
});
