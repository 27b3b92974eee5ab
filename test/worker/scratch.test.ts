import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openScratch } from '../../src/worker/scratch.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'espalier-scratch-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('openScratch', () => {
  it('makes an empty folder an attempt, also where one was left', async () => {
    const scratch = await openScratch(root, 'w1');
    const first = await scratch.create('job_1', 1);
    await writeFile(join(first, 'left'), 'behind');
    expect(await readdir(await scratch.create('job_1', 1))).toEqual([]);
    expect(await scratch.create('job_1', 2)).not.toBe(first);
    await scratch.close();
    expect(await readdir(root)).toEqual([]);
  });

  it('sweeps what dead workers left, says what they were at, and leaves what living ones have', async () => {
    const living = await openScratch(root, 'living');
    await living.create('job_1', 1);
    await mkdir(join(root, 'dead', 'job_2-1'), { recursive: true });
    await writeFile(join(root, 'dead', 'lock'), '');
    await writeFile(join(root, 'stray'), '');
    const scratch = await openScratch(root, 'new');
    expect(scratch.abandoned).toEqual([{ jobId: 'job_2', attempt: 1 }]);
    expect((await readdir(root)).sort()).toEqual(['living', 'new']);
    expect(await readdir(join(root, 'living'))).toContain('job_1-1');
    await Promise.all([living.close(), scratch.close()]);
  });

  it('refuses a name that a living worker has', async () => {
    const scratch = await openScratch(root, 'w1');
    await expect(openScratch(root, 'w1')).rejects.toThrow('Another worker uses');
    await scratch.close();
  });
});
