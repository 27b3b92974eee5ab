import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ZipFile } from 'yazl';
import { decodeImage } from '../../src/dataset/readers/decode-image.ts';
import { resizeImage } from '../../src/dataset/readers/resize-image.ts';
import { generator } from '../../src/random.ts';
import { build, folder, numpy, refusal, splitsOf, storedX, storedY } from './fixtures.ts';

// On a busy machine, TensorFlow takes its time to load.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** A PNG whose pixels are all of one colour. */
function plain(height: number, width: number, [red, green, blue]: readonly [number, number, number]): Buffer {
  const png = new PNG({ width, height });
  for (let at = 0; at < png.data.length; at += 4) png.data.set([red, green, blue, 255], at);
  return PNG.sync.write(png);
}

async function zipped(files: Record<string, Buffer>): Promise<{ path: string }> {
  const path = join(folder(), 'images.zip');
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(content, name);
  zip.end();
  const file = createWriteStream(path);
  zip.outputStream.pipe(file);
  await finished(file);
  return { path };
}

const red = [200, 0, 0] as const;
const green = [0, 150, 0] as const;
const blue = [0, 0, 100] as const;
const last = { split: { shuffle: false, selection: 1, test: 1 } };

describe('a zip file of images', () => {
  it('has classes by folder, in sorted order', async () => {
    const file = await zipped({
      'dogs/2.png': plain(1, 2, green),
      'cats/1.PNG': plain(1, 2, red),
      'dogs/1.png': plain(1, 2, blue),
      'cats/.DS_Store': Buffer.from('x'),
      '__MACOSX/cats/._1.png': Buffer.from('x'),
    });
    const dataset = await build({ file }, last);
    expect(dataset.facts).toMatchObject({
      format: 'images',
      x: { dtype: 'uint8', shape: [1, 2, 3], min: 0, max: 200, scale: 1 / 255 },
      y: { dtype: 'uint8', shape: [], classes: 2, class_names: ['cats', 'dogs'], counts: [1, 2] },
      samples: 3,
      test_given: false,
    });
    expect(storedX(dataset)).toEqual([...red, ...red, ...blue, ...blue, ...green, ...green]);
    expect(storedY(dataset)).toEqual([0, 1, 1]);
  });

  it('may name splits, and lie in a folder around everything', async () => {
    const file = await zipped({
      'pets/test/b/0.png': plain(1, 1, red),
      'pets/train/a/0.png': plain(1, 1, green),
      'pets/train/b/0.png': plain(1, 1, blue),
      'pets/validation/a/0.png': plain(1, 1, green),
    });
    const dataset = await build({ file });
    expect(dataset.facts).toMatchObject({ splits: { train: 2, selection: 1, test: 1 }, test_given: true });
    const { train, selection, test } = splitsOf(dataset);
    const labels = storedY(dataset);
    expect([[...train].sort(), selection, test].map((samples) => samples.map((sample) => labels[sample]))).toEqual([[0, 1], [0], [1]]);
  });

  it('is grey where that is asked for', async () => {
    const file = await zipped({ 'a/0.png': plain(1, 1, [10, 20, 30]), 'a/1.png': plain(1, 1, [7, 7, 7]), 'b/2.png': plain(1, 1, green) });
    const dataset = await build({ file }, { ...last, color: 'grayscale' });
    expect(dataset.facts.x.shape).toEqual([1, 1, 1]);
    // 0.299 · 10 + 0.587 · 20 + 0.114 · 30 = 18.15; 0.587 · 150 = 88.05.
    expect(storedX(dataset)).toEqual([18, 7, 88]);
  });

  it('of several sizes needs resize', async () => {
    const files = { 'a/0.png': plain(4, 4, red), 'a/1.png': plain(6, 3, green), 'b/0.png': plain(1, 1, blue) };
    const { message } = await refusal('DATASET_INVALID', { file: await zipped(files) }, last);
    expect(message).toContain("'a/1.png' in #part:file is 6 × 3 pixels and 'a/0.png' is 4 × 4");
    const dataset = await build({ file: await zipped(files) }, { ...last, resize: [2, 2] });
    expect(storedX(dataset)).toEqual([red, green, blue].flatMap((colour) => [...colour, ...colour, ...colour, ...colour]));
  });

  it.each([
    ['DATASET_INVALID', { 'a.png': plain(1, 1, red) }, "an image at 'a.png'"],
    ['DATASET_INVALID', { 'a/b/c/d.png': plain(1, 1, red), 'a/e.png': plain(1, 1, red) }, "an image at 'a/b/c/d.png'"],
    ['DATASET_INVALID', { 'a/0.png': plain(1, 1, red), 'a/notes.txt': Buffer.from('x') }, "with 'a/notes.txt' in it"],
    ['DATASET_INVALID', { 'test/a/0.png': plain(1, 1, red) }, 'has no training image'],
    ['DATASET_UNREADABLE', { 'a/0.jpg': Buffer.from('GIF89a') }, 'it is neither PNG nor JPEG'],
    ['DATASET_UNREADABLE', { 'a/0.png': plain(9, 9, red).subarray(0, 60) }, 'cannot be decoded'],
    ['DATASET_UNREADABLE', { 'a/0.jpg': Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0]) }, 'it has no frame header'],
  ] as const)('is refused with %s where it is wrong, case %#', async (code, files, message) => {
    expect((await refusal(code, { file: await zipped(files) }, last)).message).toContain(message);
  });

  it('takes no options of other formats', async () => {
    const file = await zipped({ 'a/0.png': plain(1, 1, red) });
    expect((await refusal('DATASET_INVALID', { file }, { label_column: 'y' })).message).toContain('label_column is for CSV');
    expect((await refusal('DATASET_INVALID', { file: 'a,b\n1,2\n' }, { resize: [2, 2] })).message).toContain('resize is for images');
  });
});

describe('decodeImage', () => {
  /** A PNG of a header and data that are no image of it. */
  function bomb(width: number, height: number, interlaced: boolean, data: Buffer): Buffer {
    const chunk = (type: string, content: Buffer) => {
      const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
      const ends = Buffer.alloc(8);
      ends.writeUInt32BE(content.length, 0);
      ends.writeUInt32BE(crc32(body), 4);
      return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
    };
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, interlaced ? 1 : 0], 8);
    const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    return Buffer.concat([start, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
  }

  it('decodes no image of too many pixels, and none that inflates to more than it has', () => {
    expect(() => decodeImage(bomb(100_000, 100_000, false, deflateSync('')))).toThrow('it is 100000 × 100000 pixels; the limit is');
    expect(() => decodeImage(bomb(0, 5, false, deflateSync('')))).toThrow('0 × 5 pixels');
    const zeros = deflateSync(Buffer.alloc(2 ** 26));
    const before = process.memoryUsage().rss;
    expect(() => decodeImage(bomb(8, 8, true, zeros))).toThrow('it holds more than its 8 × 8 pixels');
    try {
      decodeImage(bomb(8, 8, false, zeros));
    } catch {
      // Whether what follows the pixels is an error is the decoder's affair; memory is ours.
    }
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(40);
  });

  it('ends in an Error or an image when bytes are damaged', () => {
    const random = generator(3, 'damaged images');
    const whole = plain(16, 16, red);
    for (let round = 0; round < 300; round += 1) {
      const damaged = Buffer.from(whole);
      for (let count = 0; count < 3; count += 1) damaged[8 + random.int(damaged.length - 8)] = random.int(256);
      try {
        expect(decodeImage(damaged).rgba.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
  });
});

describe('against TensorFlow', () => {
  let path: string;
  beforeAll(() => {
    path = mkdtempSync(join(tmpdir(), 'espalier-images-'));
    numpy(
      path,
      `
import tensorflow as tf
rng = np.random.default_rng(0)
smooth = tf.image.resize(rng.integers(0, 256, (5, 7, 3)).astype('f4'), (45, 64), method='bicubic')
image = np.clip(np.round(smooth), 0, 255).astype('u1')
gray = image[..., :1]
alpha = np.concatenate([image, image[..., :1]], -1)
deep = image.astype('u2') * 257
files = {
  'rgb.png': tf.io.encode_png(image), 'gray.png': tf.io.encode_png(gray), 'alpha.png': tf.io.encode_png(alpha), 'deep.png': tf.io.encode_png(deep),
  'rgb.jpg': tf.io.encode_jpeg(image, chroma_downsampling=False), 'gray.jpg': tf.io.encode_jpeg(gray, format='grayscale'),
  'progressive.jpg': tf.io.encode_jpeg(image, progressive=True, chroma_downsampling=False),
}
for name, content in files.items():
  open(name, 'wb').write(content.numpy())
  decode = tf.io.decode_png if name.endswith('png') else lambda *a, **k: tf.io.decode_jpeg(*a, **k, dct_method='INTEGER_ACCURATE')
  decoded = decode(content, channels=3)
  np.asarray(decoded).tofile(name + '.raw')
for name, size in [('down', (11, 20)), ('up', (90, 100)), ('mixed', (60, 9))]:
  tf.image.resize(image.astype('f4'), size, antialias=True).numpy().astype('f4').tofile(name + '.raw')
`,
    );
  });

  afterAll(() => rmSync(path, { recursive: true, force: true }));

  const channels = ({ rgba }: { rgba: Uint8Array }) => [...rgba].filter((_, index) => index % 4 !== 3);
  const decoded = (name: string) => decodeImage(readFileSync(join(path, name)));

  it.each([
    ['rgb.png', 0],
    ['gray.png', 0],
    ['alpha.png', 0],
    ['deep.png', 0],
    // Decoders of JPEG may differ by what they round.
    ['rgb.jpg', 3],
    ['gray.jpg', 3],
    ['progressive.jpg', 3],
  ] as const)('%s has the same pixels, give or take %i', (name, tolerance) => {
    const expected = readFileSync(join(path, `${name}.raw`));
    const pixels = channels(decoded(name));
    expect(pixels.length).toBe(expected.length);
    expect(Math.max(...pixels.map((value, index) => Math.abs(value - expected[index]!)))).toBeLessThanOrEqual(tolerance);
  });

  it.each([
    ['down', 11, 20],
    ['up', 90, 100],
    ['mixed', 60, 9],
  ] as const)('resizing %s gives the same pixels, rounded', (name, height, width) => {
    const { buffer, byteOffset, length } = readFileSync(join(path, `${name}.raw`));
    const expected = new Float32Array(buffer.slice(byteOffset, byteOffset + length));
    const pixels = channels(resizeImage(decoded('rgb.png'), height, width));
    expect(pixels.length).toBe(expected.length);
    expect(Math.max(...pixels.map((value, index) => Math.abs(value - expected[index]!)))).toBeLessThan(0.51);
  });
});
