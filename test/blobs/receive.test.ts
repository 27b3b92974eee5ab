import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { receiveFile } from '../../src/blobs/receive.ts';
import { generator } from '../../src/random.ts';

describe('a file that is received', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'espalier-receive-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is what came, whatever pieces it came in, with its size and its SHA-256', async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 300_000 })), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (lengths, passing) => {
        const random = generator(1, lengths.join());
        const pieces = lengths.map((length) => Buffer.alloc(length, random.int(256)));
        const whole = Buffer.concat(pieces);
        const path = join(folder, 'file');
        const stored = await receiveFile(path, Readable.from(pieces), { passing });
        expect(stored).toEqual({ size_bytes: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
        expect((await readFile(path)).equals(whole)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('is whole where it comes byte by byte, and where it is longer than what waits for the disk', async () => {
    const path = join(folder, 'file');
    const bytes = Buffer.alloc(2_500, 'abc');
    await receiveFile(path, Readable.from([...bytes].map((byte) => Buffer.from([byte]))));
    expect((await readFile(path)).equals(bytes)).toBe(true);
    const piece = Buffer.alloc(2 ** 20, 7);
    const { size_bytes } = await receiveFile(path, Readable.from(Array.from({ length: 70 }, () => piece)));
    expect(size_bytes).toBe(70 * 2 ** 20);
    expect((await readFile(path)).equals(Buffer.alloc(size_bytes, 7))).toBe(true);
  });

  it('is gone where its source breaks off, with what was written of it', async () => {
    async function* source(): AsyncGenerator<Buffer> {
      for (let count = 0; count < 40; count += 1) yield Buffer.alloc(2 ** 20);
      throw new Error('gone');
    }
    const path = join(folder, 'broken');
    await expect(receiveFile(path, source())).rejects.toThrow('gone');
    expect(await readdir(folder)).not.toContain('broken');
  });

  it('lets go of its source where it cannot be opened', async () => {
    const source = Readable.from([Buffer.from('x')]);
    await expect(receiveFile(join(folder, 'none', 'file'), source)).rejects.toThrow('ENOENT');
    expect(source.destroyed).toBe(true);
  });
});
