import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ZipFile } from 'yazl';
import { readDataset } from '../../src/dataset/read.ts';
import { Problem } from '../../src/errors.ts';
import { build, folder, numpy, parts, refusal, splitsOf, storedX, storedY } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

const noShuffle = { split: { shuffle: false } };

/** Files that NumPy writes: `save('name', x=..., ...)` in `code`. */
function saved(code: string): (name: string) => { path: string } {
  const path = folder();
  numpy(path, `def save(name, **arrays): np.savez(name, **arrays)\ndef pack(name, **arrays): np.savez_compressed(name, **arrays)\n${code}`);
  return (name) => ({ path: join(path, `${name}.npz`) });
}

/** A zip file with these entries, compressed or not, written by another program than NumPy. */
async function zip(entries: Record<string, Buffer | string>, compress = true): Promise<{ path: string }> {
  const file = new ZipFile();
  for (const [name, content] of Object.entries(entries)) file.addBuffer(Buffer.from(content as string), name, { compress });
  file.end();
  const path = join(folder(), 'written.npz');
  writeFileSync(path, await buffer(file.outputStream));
  return { path };
}

function npy(header: string, elements: Buffer = Buffer.alloc(0)): Buffer {
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), elements]);
}

const dictionary = (descr: string, shape: string) => `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }\n`;

describe('element types', () => {
  const integers = ['i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8'];

  it('whole numbers of every width and byte order take the smallest stored type', async () => {
    const of = saved(
      `for order in '<>':
  for code in ${JSON.stringify(integers)}:
    info = np.iinfo(code)
    save(order + code, x=np.array([0, 1, 2, 100], order + code))
    save(order + code + '-wide', x=np.array([info.min, 5, 6, info.max], order + code))`,
    );
    for (const order of ['<', '>']) {
      for (const code of integers) {
        const small = await build({ file: of(order + code) }, noShuffle);
        const asIs = code === 'i4' ? 'int32' : 'uint8';
        expect([code, small.facts.x.dtype]).toEqual([code, asIs]);
        expect(storedX(small)).toEqual([0, 1, 2, 100]);

        const bits = Number(code[1]) * 8;
        const [min, max] = code[0] === 'i' ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
        const wide = await build({ file: of(`${order + code}-wide`) }, noShuffle);
        const dtype = code === 'u1' ? 'uint8' : bits === 64 || code === 'u4' ? 'float32' : 'int32';
        expect([code, wide.facts.x.dtype]).toEqual([code, dtype]);
        expect(storedX(wide)).toEqual(dtype === 'float32' ? [min, 5, 6, max].map(Math.fround) : [min, 5, 6, max]);
        expect(wide.facts.x.max).toBe(dtype === 'float32' ? Math.fround(max) : max);
      }
    }
  });

  it('floats of every width and byte order become float32', async () => {
    const of = saved(
      "for order in '<>':\n  for code in ['f2', 'f4', 'f8']: save(order + code, x=np.array([0.1, -2.5, 6e-8, 65504, 0], order + code), y=np.arange(5))",
    );
    for (const order of ['<', '>']) {
      const half = await build({ file: of(`${order}f2`) }, noShuffle);
      // Of 0.1 and 6e-8 in binary16: 1638.4 / 2^14 rounds to 1638 / 2^14, and 6e-8 to the smallest subnormal.
      expect(storedX(half)).toEqual([1638 / 2 ** 14, -2.5, 2 ** -24, 65504, 0]);
      for (const code of ['f4', 'f8']) {
        const dataset = await build({ file: of(order + code) }, noShuffle);
        expect(dataset.facts.x).toMatchObject({ dtype: 'float32', scale: 1, min: -2.5, max: 65504 });
        expect(storedX(dataset)).toEqual([Math.fround(0.1), -2.5, Math.fround(6e-8), 65504, 0]);
      }
    }
  });

  it('bool becomes 0 and 1, and is not scaled', async () => {
    const of = saved("save('bool', x=np.array([[True, False], [False, True], [True, True]]), y=np.array([True, False, True]))");
    const dataset = await build({ file: of('bool') }, noShuffle);
    expect(dataset.facts.x).toEqual({ dtype: 'uint8', shape: [2], min: 0, max: 1, scale: 1 });
    expect(dataset.facts.y).toMatchObject({ classes: 2, counts: [1, 2] });
    expect(storedX(dataset)).toEqual([1, 0, 0, 1, 1, 1]);
  });

  it('half-precision infinities and NaN are refused', async () => {
    const of = saved("for name, v in [('inf', np.inf), ('nan', np.nan)]: save(name, x=np.array([[0, 0], [0, v], [0, 0]], 'f2'))");
    expect((await refusal('DATASET_INVALID', { file: of('inf') })).message).toContain("Sample 1 of 'x' in #part:file");
    expect((await refusal('DATASET_INVALID', { file: of('nan') })).message).toContain('holds NaN');
  });
});

describe('layouts', () => {
  it('column-major comes out row-major, for x and for y, of any type and number of axes', async () => {
    const of = saved(
      `rng = np.random.default_rng(0)
for code in ['u1', '<f4', '>f8', '<i8', '>i2']:
  for rank in range(2, 6):
    x = rng.integers(0, 100, (7, 3, 4, 2, 5)[:rank]).astype(code)
    y = rng.integers(0, 9, (7, 3)).astype(code)
    save(f'c{code}{rank}', x=x, y=y)
    save(f'f{code}{rank}', x=np.asfortranarray(x), y=np.asfortranarray(y))`,
    );
    for (const name of ['u1', '<f4', '>f8', '<i8', '>i2'].flatMap((code) => [2, 3, 4, 5].map((rank) => `${code}${rank}`))) {
      const rows = await build({ file: of(`c${name}`) }, noShuffle);
      const columns = await build({ file: of(`f${name}`) }, noShuffle);
      expect(readFileSync(of(`f${name}`).path).includes("'fortran_order': True")).toBe(true);
      expect(columns.facts).toEqual(rows.facts);
      expect(storedX(columns)).toEqual(storedX(rows));
      expect(storedY(columns)).toEqual(storedY(rows));
    }
  });

  it('a column-major array of several tiles comes out row-major', async () => {
    // 62 MB of which each value says where it belongs.
    const of = saved("save('big', x=np.asfortranarray(np.arange(4000 * 3 * 1300, dtype='>u4').reshape(4000, 3, 1300)))");
    const { facts, files } = await build({ file: of('big') });
    expect(facts.x).toMatchObject({ dtype: 'int32', shape: [3, 1300], max: 15_599_999 });
    const { buffer, byteOffset, byteLength } = readFileSync(files.x);
    const x = new Int32Array(buffer, byteOffset, byteLength / 4);
    expect(x.findIndex((value, index) => value !== index)).toBe(-1);
  });

  it('stored and deflated entries hold the same', async () => {
    const of = saved(
      "x = np.random.default_rng(1).normal(size=(300, 40)).astype('f4'); y = np.arange(300) % 3\nsave('plain', x=x, y=y); pack('packed', x=x, y=y)",
    );
    const [plain, packed] = [await build({ file: of('plain') }), await build({ file: of('packed') })];
    expect(readFileSync(packed.files.x).equals(readFileSync(plain.files.x))).toBe(true);
    expect(packed.facts).toEqual(plain.facts);
  });

  it('every version of .npy is read', async () => {
    const of = saved(
      `import io, zipfile
for major in (1, 2, 3):
  buffer = io.BytesIO(); np.lib.format.write_array(buffer, np.arange(6, dtype='f4').reshape(3, 2), version=(major, 0))
  with zipfile.ZipFile(f'{major}.npz', 'w') as f: f.writestr('x.npy', buffer.getvalue())`,
    );
    for (const version of ['1', '2', '3']) {
      expect(storedX(await build({ file: of(version) }, noShuffle))).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it('a zip of another program is read too', async () => {
    const x = npy(dictionary('<f4', '(3, 1)'), Buffer.from(new Float32Array([1, 2, 3]).buffer));
    for (const compress of [true, false]) {
      expect(storedX(await build({ file: await zip({ 'x.npy': x }, compress) }, noShuffle))).toEqual([1, 2, 3]);
    }
  });
});

describe('names', () => {
  it('of the usual spellings are x and y', async () => {
    const spellings = [
      ['x', 'y'],
      ['X', 'y'],
      ['x_train', 'y_train'],
      ['X_train', 'Y_train'],
      ['train_images', 'train_labels'],
      ['images', 'labels'],
      ['data', 'target'],
      ['features', 'targets'],
    ];
    const of = saved(
      spellings.map(([x, y]) => `save('${x}-${y}', **{'${x}': np.ones((4, 2), 'u1'), '${y}': np.arange(4) % 2})`).join('\n'),
    );
    for (const [x, y] of spellings) {
      const { facts } = await build({ file: of(`${x}-${y}`) });
      expect(facts).toMatchObject({ format: 'npz', samples: 4, test_given: false, y: { classes: 2, counts: [2, 2] } });
    }
  });

  it('selection and test arrays become those splits, in upload order', async () => {
    const of = saved(`a = lambda first, n: np.arange(first, first + n, dtype='i4')
save('all', x_train=a(0, 5), y_train=a(0, 5), x_val=a(5, 3), y_val=a(5, 3), x_test=a(8, 2), y_test=a(8, 2))
save('test', x_train=a(0, 5), y_train=a(0, 5), x_test=a(5, 2), y_test=a(5, 2))
save('selection', x=a(0, 5), x_selection=a(5, 2))`);
    const all = await build({ file: of('all') });
    expect(all.facts).toMatchObject({ samples: 10, splits: { train: 5, selection: 3, test: 2 }, test_given: true });
    expect(storedX(all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(storedY(all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(splitsOf(all)).toMatchObject({ selection: [5, 6, 7], test: [8, 9] });

    const test = await build({ file: of('test') }, { split: { selection: 2, shuffle: false } });
    expect(test.facts.test_given).toBe(true);
    expect(splitsOf(test)).toEqual({ train: [0, 1, 2], selection: [3, 4], test: [5, 6] });

    const selection = await build({ file: of('selection') }, { split: { test: 0.4, shuffle: false } });
    expect(selection.facts.test_given).toBe(false);
    expect(splitsOf(selection)).toEqual({ train: [0, 1, 2], selection: [5, 6], test: [3, 4] });
  });

  it('that are not known, double, or lack their partner are refused with those that are read', async () => {
    const of = saved(`x = np.ones((4, 2))
save('unknown', x=x, lables=np.arange(4))
save('double', x=x, x_train=x)
save('without-x', y=np.arange(4))
save('without-x-test', x=x, y=np.arange(4), y_test=np.arange(4))
save('without-y-test', x=x, y=np.arange(4), x_test=x)
save('without-y', x=x, x_test=x, y_test=np.arange(4))`);
    const unknown = await refusal('DATASET_INVALID', { file: of('unknown') });
    expect(unknown.message).toContain("'lables'");
    expect(unknown.message).toContain('x_test: x_test, test_x');
    expect(unknown.items[0]?.received).toBe('["x","lables"]');
    expect((await refusal('DATASET_INVALID', { file: of('double') })).message).toContain('more than one array for x');
    expect((await refusal('DATASET_INVALID', { file: of('without-x') })).message).toContain('no array for x');
    expect((await refusal('DATASET_INVALID', { file: of('without-x-test') })).message).toContain('an array for y_test and none for x_test');
    expect((await refusal('DATASET_INVALID', { file: of('without-y-test') })).message).toContain(
      "'x_test' in #part:file comes without labels",
    );
    expect((await refusal('DATASET_INVALID', { file: of('without-y') })).message).toContain("'x' in #part:file comes without labels");
  });
});

describe('refuses', () => {
  it('pickles, and never runs them', async () => {
    const of = saved(`class Trap:
  def __reduce__(self): return (open, ('sprung', 'w'))
save('pickled', x=np.array([Trap(), None], dtype=object))`);
    const problem = await refusal('DATASET_INVALID', { file: of('pickled') });
    expect(problem.message).toContain('pickles are never loaded');
  });

  it('types that are no numbers, and says which are read', async () => {
    const of = saved(`save('text', x=np.ones(3), y=np.array(['a', 'b', 'c']))
save('complex', x=np.ones(3, 'c8'))
save('time', x=np.zeros(3, 'M8[s]'))
save('record', x=np.zeros(3, [('a', 'f4'), ('b', 'i4')]))
save('long', x=np.zeros(3, np.longdouble))`);
    expect((await refusal('DATASET_INVALID', { file: of('text') })).message).toBe(
      `'y' in #part:file has dtype "<U1"; read are bool, int8 to int64, uint8 to uint64, float16, float32 and float64`,
    );
    for (const name of ['complex', 'time', 'long']) {
      expect((await refusal('DATASET_INVALID', { file: of(name) })).message).toContain('has dtype');
    }
    expect((await refusal('DATASET_INVALID', { file: of('record') })).message).toContain('records with fields');
  });

  it('shapes that are no data set', async () => {
    const of = saved(`save('scalar', x=np.float32(1)); save('empty', x=np.ones((0, 3))); save('flat', x=np.ones((3, 0)))
save('lengths', x=np.ones((3, 2)), y=np.ones(4)); save('shapes', x=np.ones((3, 2)), x_test=np.ones((3, 3)))
save('labels', x=np.ones(3), y=np.ones((3, 2)), x_test=np.ones(3), y_test=np.ones(3))`);
    expect((await refusal('DATASET_INVALID', { file: of('scalar') })).message).toContain('has shape []');
    expect((await refusal('DATASET_INVALID', { file: of('empty') })).message).toContain('at least one sample is needed');
    expect((await refusal('DATASET_INVALID', { file: of('flat') })).message).toContain('every axis at least 1');
    expect((await refusal('DATASET_INVALID', { file: of('lengths') })).message).toContain('3 samples');
    expect((await refusal('DATASET_INVALID', { file: of('shapes') })).message).toContain('must agree');
    expect((await refusal('DATASET_INVALID', { file: of('labels') })).message).toContain('must agree');
  });

  it.each([
    ['more than there is', '(1000, 1)', 'DATASET_UNREADABLE', 'shape [1000,1] with 4 bytes an element is 4'],
    ['less than there is', '(2, 1)', 'DATASET_UNREADABLE', 'shape [2,1] with 4 bytes an element is'],
    ['2^80 elements', '(1099511627776, 1099511627776)', 'DATASET_INVALID', 'the limit is'],
    ['a terabyte', '(274877906944,)', 'DATASET_INVALID', 'the limit is'],
  ] as const)('a header that declares %s', async (_, shape, code, message) => {
    const file = await zip({ 'x.npy': npy(dictionary('<f4', shape), Buffer.alloc(12)) });
    expect((await refusal(code, { file })).message).toContain(message);
  });

  it('zip bombs, by ratio and by size', async () => {
    const of = saved("pack('zeros', x=np.zeros((70, 2**20), 'u1'))");
    expect((await refusal('DATASET_INVALID', { file: of('zeros') })).message).toContain('500 to one');
    const byRatio = { compressionRatio: 2000, totalBytes: 64 * 2 ** 20 };
    expect((await refusal('DATASET_INVALID', { file: of('zeros') }, {}, byRatio)).message).toContain('the limit is 67108864');
    expect((await build({ file: of('zeros') }, {}, { compressionRatio: 2000 })).facts.samples).toBe(70);
  });

  it('an entry whose length or checksum is not that of the directory', async () => {
    const x = npy(dictionary('<f4', '(64, 16)'), Buffer.alloc(4096, 1));
    for (const compress of [true, false]) {
      const { path } = await zip({ 'x.npy': x }, compress);
      const bytes = readFileSync(path);
      const directory = bytes.indexOf('PK\x01\x02', 0, 'latin1');
      const wrong = (offset: number) => {
        const changed = Buffer.from(bytes);
        changed[directory + offset]! ^= 1;
        return changed;
      };
      // 16: CRC-32; 24: uncompressed size.
      expect((await refusal('DATASET_UNREADABLE', { file: wrong(16) })).message).toContain('CRC-32');
      await refusal('DATASET_UNREADABLE', { file: wrong(24) });
    }
    const { path } = await zip({ 'x.npy': x }, false);
    const damaged = readFileSync(path);
    damaged[damaged.indexOf(Buffer.alloc(64, 1)) + 5] = 2;
    expect((await refusal('DATASET_UNREADABLE', { file: damaged })).message).toContain('CRC-32');
  });

  it('zip files that are no npz', async () => {
    const x = npy(dictionary('<f4', '(3,)'), Buffer.alloc(12));
    expect((await refusal('DATASET_INVALID', { file: await zip({ 'x.npy': x, 'readme.txt': 'hello' }) })).message).toContain(
      "'readme.txt'",
    );
    expect((await refusal('DATASET_UNREADABLE', { file: await zip({ 'x.npy': 'not an array' }) })).message).toContain('magic of .npy');
    expect((await refusal('DATASET_INVALID', { file: await zip({}) })).message).toContain('no array for x');
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`x${index}.npy`, x]));
    expect((await refusal('DATASET_UNREADABLE', { file: await zip(many) })).message).toContain('65 entries');
    expect((await refusal('DATASET_INVALID', { x: await zip({ 'x.npy': x }) })).message).toContain('#part:x is a zip file');
  });

  it('encrypted entries and other compressions', async () => {
    const { path } = await zip({ 'x.npy': npy(dictionary('<f4', '(3,)'), Buffer.alloc(12)) });
    const bytes = readFileSync(path);
    const directory = bytes.indexOf('PK\x01\x02', 0, 'latin1');
    const encrypted = Buffer.from(bytes);
    encrypted[directory + 8]! |= 1;
    expect((await refusal('DATASET_UNREADABLE', { file: encrypted })).message).toMatch(/encrypted/);
    const bzip = Buffer.from(bytes);
    bzip[directory + 10] = 12;
    expect((await refusal('DATASET_UNREADABLE', { file: bzip })).message).toContain('method 12');
  });

  it('entries whose names would leave the folder, whose bytes go nowhere', async () => {
    const { path } = await zip({ 'aa/x.npy': npy(dictionary('<f4', '(3,)'), Buffer.alloc(12)) });
    const bytes = readFileSync(path);
    const renamed = Buffer.from(bytes.toString('latin1').replaceAll('aa/x.npy', '../x.npy'), 'latin1');
    expect((await refusal('DATASET_UNREADABLE', { file: renamed })).message).toContain('../x.npy');
    expect((await refusal('DATASET_INVALID', { file: { path } })).message).toContain("'aa/x'");
  });
});

describe('any damage', () => {
  it('ends in a Problem or a data set', async () => {
    const floats = npy(dictionary('<f4', '(20, 3)'), Buffer.from(Float32Array.from({ length: 60 }, (_, index) => index).buffer));
    const labels = npy(dictionary('|u1', '(20,)'), Buffer.alloc(20, 1));
    const files = [true, false].map(async (compress) => readFileSync((await zip({ 'x.npy': floats, 'y.npy': labels }, compress)).path));
    const [deflated, plain] = await Promise.all(files);
    const damage = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }), cut: fc.integer({ min: 0, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(deflated!, plain!), fc.array(damage, { minLength: 1, maxLength: 4 }), async (file, changes) => {
        let bytes = Buffer.from(file);
        for (const { at, to, cut } of changes) {
          if (bytes.length === 0) break;
          if (cut === 0) bytes = bytes.subarray(0, at % bytes.length);
          else bytes[at % bytes.length] = to;
        }
        await readDataset(parts({ file: bytes }), {}, folder()).catch((error) => {
          if (!(error instanceof Problem)) throw error;
          expect(error.code).toMatch(/^DATASET_(UNREADABLE|INVALID)$/);
        });
      }),
      { numRuns: 300 },
    );
  });
});
