/** The README's walk-through is executed as it stands, command by command. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { endAll, runEspalier } from './espalier.ts';

let folder: string;

/** The shell blocks under a heading. */
async function commands(heading: string): Promise<string[]> {
  const readme = await readFile('README.md', 'utf8');
  const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  return [...section!.matchAll(/```sh\n(.*?)```/gs)].map(([, block]) => block!);
}

beforeAll(async () => {
  // A folder that looks like the checkout after `make up`, with data of its own.
  folder = await mkdtemp(join(tmpdir(), 'espalier-readme-'));
  await symlink(resolve('examples'), join(folder, 'examples'));
  await runEspalier('up', { ESPALIER_DATA: join(folder, 'data'), PORT: '0' }).address();
});
afterAll(async () => {
  await endAll();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

it('trains, prunes and downloads with the curl commands of the README, and refuses what it says it refuses', {
  timeout: 300_000,
}, async () => {
  const blocks = await commands('Two minutes with curl');
  expect(blocks).toHaveLength(2);
  const script = ['set -euo pipefail', ...blocks].join('\n');
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: folder, maxBuffer: 2 ** 24 });
  expect(stdout).toContain("'smaller': {'verdict':");
  expect(stdout).toContain('val_loss');
  expect(stdout).toContain("Unknown field 'traning'. Did you mean 'training'?");
  expect((await stat(join(folder, 'out.keras'))).size).toBeGreaterThan(1000);
});
