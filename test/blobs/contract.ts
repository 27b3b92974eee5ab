import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Blobs } from '../../src/blobs/blobs.ts';

/** Opens fresh, empty blobs. */
export interface BlobsFactory {
  create(): Promise<{ blobs: Blobs; destroy(): Promise<void> }>;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What every store of blobs does. */
export function blobsContract(name: string, factory: BlobsFactory): void {
  describe(`blobs in ${name}`, () => {
    let blobs: Blobs;
    let destroy: () => Promise<void>;
    beforeEach(async () => {
      ({ blobs, destroy } = await factory.create());
    });
    afterEach(() => destroy());

    it('give back what was put in, and say its size and SHA-256', async () => {
      const bytes = randomBytes(300_000);
      expect(await blobs.put('models/m/model.keras', Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]))).toEqual({
        size_bytes: 300_000,
        sha256: sha256(bytes),
      });
      expect(await buffer(await blobs.read('models/m/model.keras'))).toEqual(bytes);
      expect(await blobs.size('models/m/model.keras')).toBe(300_000);
      expect(await readFile(await blobs.localPath('models/m/model.keras'))).toEqual(bytes);
    });

    it('keep an empty file', async () => {
      expect(await blobs.put('empty', Readable.from([]))).toEqual({ size_bytes: 0, sha256: sha256(Buffer.alloc(0)) });
      expect(await blobs.size('empty')).toBe(0);
    });

    it('read a range with both ends included', async () => {
      await blobs.put('digits', Readable.from([Buffer.from('0123456789')]));
      expect((await buffer(await blobs.read('digits', { start: 2, end: 4 }))).toString()).toBe('234');
      expect((await buffer(await blobs.read('digits', { start: 9, end: 9 }))).toString()).toBe('9');
    });

    it('show nothing under a key until all bytes have arrived', async () => {
      const source = new PassThrough();
      const storing = blobs.put('slow', source);
      source.write('half');
      // Once the second write is taken, the first has been read by the store.
      await new Promise<void>((taken) => source.write(Buffer.alloc(200_000), () => taken()));
      expect(await blobs.size('slow')).toBeNull();
      source.end('whole');
      await storing;
      expect((await buffer(await blobs.read('slow'))).length).toBe(200_009);
    });

    it('keep nothing of a source that broke off before it was read', async () => {
      const source = new PassThrough();
      const storing = blobs.put('broken', source);
      source.destroy(new Error('The client went away'));
      await expect(storing).rejects.toThrow('The client went away');
      expect(await blobs.size('broken')).toBeNull();
    });

    it('keep nothing of a source that breaks off', async () => {
      const source = new PassThrough();
      const storing = blobs.put('broken', source);
      await new Promise<void>((taken) => source.write(Buffer.alloc(200_000), () => taken()));
      source.destroy(new Error('The client went away'));
      await expect(storing).rejects.toThrow('The client went away');
      expect(await blobs.size('broken')).toBeNull();
    });

    it('take over a local file', async () => {
      const scratch = await blobs.scratch();
      const path = join(scratch.folder, 'result');
      await writeFile(path, 'result');
      expect(await blobs.putFile('jobs/j/1/result', path)).toEqual({ size_bytes: 6, sha256: sha256(Buffer.from('result')) });
      expect((await buffer(await blobs.read('jobs/j/1/result'))).toString()).toBe('result');
      await expect(stat(path)).rejects.toThrow('ENOENT');
      await scratch.remove();
    });

    it('take over a local file whose size and SHA-256 are known', async () => {
      const scratch = await blobs.scratch();
      const path = join(scratch.folder, 'result');
      await writeFile(path, 'result');
      const known = { size_bytes: 6, sha256: sha256(Buffer.from('result')) };
      expect(await blobs.putFile('jobs/j/1/result', path, known)).toEqual(known);
      expect((await buffer(await blobs.read('jobs/j/1/result'))).toString()).toBe('result');
      await expect(stat(path)).rejects.toThrow('ENOENT');
      await scratch.remove();
    });

    it('lend scratch folders that are empty, apart and removable', async () => {
      const [one, two] = [await blobs.scratch(), await blobs.scratch()];
      await writeFile(join(one.folder, 'file'), 'x');
      expect(await readdir(two.folder)).toEqual([]);
      await one.remove();
      await one.remove();
      await expect(stat(one.folder)).rejects.toThrow('ENOENT');
      await two.remove();
    });

    it('say NOT_FOUND for a key that holds nothing', async () => {
      await expect(blobs.read('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(blobs.localPath('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await blobs.size('nothing')).toBeNull();
    });

    it('delete, and do not mind deleting again', async () => {
      await blobs.put('a/b', Readable.from([Buffer.from('x')]));
      await blobs.delete('a/b');
      await blobs.delete('a/b');
      expect(await blobs.size('a/b')).toBeNull();
    });

    it('list the keys below a prefix, with the time they were written, and nothing that is on its way in', async () => {
      const begun = Date.now();
      for (const key of ['jobs/a/1/x', 'jobs/a/2/x', 'jobs/b', 'jobsx/c', 'top']) await blobs.put(key, Readable.from([Buffer.from('x')]));
      const scratch = await blobs.scratch();
      const moved = join(scratch.folder, 'moved');
      await writeFile(moved, 'x');
      await utimes(moved, 1, 1);
      await blobs.putFile('jobs/moved', moved);
      await writeFile(join(scratch.folder, 'waiting'), 'x');
      const list = async (prefix: string) => {
        const found = [];
        for await (const one of blobs.list(prefix)) found.push(one);
        return found.sort((one, other) => (one.key < other.key ? -1 : 1));
      };
      const keys = async (prefix: string) => (await list(prefix)).map(({ key }) => key);
      expect(await keys('jobs/')).toEqual(['jobs/a/1/x', 'jobs/a/2/x', 'jobs/b', 'jobs/moved']);
      expect(await keys('jobs/a/2/')).toEqual(['jobs/a/2/x']);
      expect(await keys('')).toEqual(['jobs/a/1/x', 'jobs/a/2/x', 'jobs/b', 'jobs/moved', 'jobsx/c', 'top']);
      expect(await keys('nothing/')).toEqual([]);
      for (const { written_at } of await list('')) {
        // A store's clock may be coarser than ours.
        expect(written_at).toBeGreaterThanOrEqual(begun - 1_000);
        expect(written_at).toBeLessThanOrEqual(Date.now() + 1_000);
      }
      await blobs.delete('jobs/a/2/x');
      expect(await keys('jobs/a/')).toEqual(['jobs/a/1/x']);
      await scratch.remove();
    });

    it.each(['../', '/', 'a/../', '.incoming/'])('refuse to list below %j', (prefix) => {
      expect(() => blobs.list(prefix)).toThrow('Not a blob key');
    });

    it('go on reading what is deleted meanwhile', async () => {
      await blobs.put('a', Readable.from([Buffer.from('still here')]));
      const reading = await blobs.read('a');
      await blobs.delete('a');
      expect((await buffer(reading)).toString()).toBe('still here');
    });

    it.each([
      '../secret',
      'a/../b',
      '/etc/passwd',
      'a//b',
      'a/',
      '',
      '.',
      '.incoming/x',
      'a/.hidden',
      'a\\b',
      'a\0b',
      'a b',
      'ä',
      'a'.repeat(600),
    ])('refuse the key %j', async (key) => {
      await expect(blobs.put(key, Readable.from([Buffer.from('x')]))).rejects.toThrow('Not a blob key');
      await expect(blobs.read(key)).rejects.toThrow('Not a blob key');
      await expect(blobs.delete(key)).rejects.toThrow('Not a blob key');
      await expect(blobs.size(key)).rejects.toThrow('Not a blob key');
    });

    it('can be checked', async () => {
      await blobs.check();
    });
  });
}
