import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderBlobs } from '../../src/blobs/folder.ts';
import { openBlobs } from '../../src/blobs/open.ts';
import { receiveFile } from '../../src/blobs/receive.ts';
import { asStorageProblem } from '../../src/blobs/storage-full.ts';
import { blobsContract } from './contract.ts';

const temporaryFolder = () => mkdtemp(join(tmpdir(), 'espalier-blobs-'));

blobsContract('a folder', {
  async create() {
    const folder = await temporaryFolder();
    return { blobs: await openBlobs({ blobsFolder: folder }), destroy: () => rm(folder, { recursive: true }) };
  },
});

describe('the folder of blobs', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('holds no half-written file after a source broke off', async () => {
    const source = new Readable({ read() {} });
    source.push('half');
    const storing = folderBlobs(folder).put('x', source);
    source.destroy(new Error('gone'));
    await expect(storing).rejects.toThrow('gone');
    expect(await readdir(join(folder, '.incoming'))).toEqual([]);
  });

  it('is swept, when opened, of what was left half-written a day ago, and of nothing younger', async () => {
    const waiting = join(folder, '.incoming');
    await mkdir(join(waiting, 'old-scratch'), { recursive: true });
    await mkdir(join(waiting, 'busy-scratch'));
    for (const name of ['old', 'young', 'old-scratch/file', 'busy-scratch/file']) await writeFile(join(waiting, name), 'x');
    const dayAgo = new Date(Date.now() - 25 * 3600 * 1000);
    for (const name of ['old', 'old-scratch/file', 'old-scratch', 'busy-scratch']) await utimes(join(waiting, name), dayAgo, dayAgo);
    await openBlobs({ blobsFolder: folder });
    expect((await readdir(waiting)).sort()).toEqual(['busy-scratch', 'young']);
  });

  it('fails its check when it cannot be written to', async () => {
    const blobs = folderBlobs(join(folder, 'file', 'below'));
    await writeFile(join(folder, 'file'), 'not a folder');
    await expect(blobs.check()).rejects.toThrow('ENOTDIR');
  });

  it('says STORAGE_FULL where no space is left, and STORAGE_FULL where a quota is used up', async () => {
    // A device that refuses every write the way a full disk does.
    const path = join(folder, 'full');
    await symlink('/dev/full', path);
    await expect(receiveFile(path, Readable.from([Buffer.alloc(10)]))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(asStorageProblem(Object.assign(new Error('quota'), { code: 'EDQUOT' }))).toMatchObject({ code: 'STORAGE_FULL' });
  });
});
