import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeLock } from '../src/lock.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-lock-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('takeLock', () => {
  it('gives the lock to one at a time', () => {
    const path = join(folder, 'one');
    const lock = takeLock(path);
    expect(lock).not.toBeNull();
    expect(takeLock(path)).toBeNull();
    lock?.release();
    expect(takeLock(path)).not.toBeNull();
  });

  it('is free again when its holder was killed', async () => {
    const path = join(folder, 'killed');
    const source = `
      import { takeLock } from ${JSON.stringify(new URL('../src/lock.ts', import.meta.url).href)};
      console.log(takeLock(${JSON.stringify(path)}) !== null);
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'ignore'] });
    expect(`${(await once(holder.stdout, 'data'))[0]}`.trim()).toBe('true');
    expect(takeLock(path)).toBeNull();
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(takeLock(path)).not.toBeNull();
  });
});
