import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import * as h5wasm from 'h5wasm';
import { describe, expect, it } from 'vitest';
import yazl from 'yazl';
import { Problem } from '../../src/errors.ts';
import { type ModelDocument, makeDocument, withWeights } from '../../src/model/document.ts';
import { rounded, widened } from '../../src/model/formats/half-precision.ts';
import { type Hdf5Dataset, readHdf5, writeHdf5 } from '../../src/model/formats/hdf5.ts';
import { readModel, readModelConfig } from '../../src/model/formats/index.ts';
import { readKeras, writeKeras } from '../../src/model/formats/keras.ts';
import { readZip, writeZip } from '../../src/model/formats/zip.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, layer, randomFill, sequential } from '../helpers/documents.ts';
import { folder } from '../helpers/folder.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

/** Written by stock Keras 3.15.1. */
const SEED = resolve(import.meta.dirname, '../../examples/seed/seed.keras');
const ENTRIES = ['config.json', 'metadata.json', 'model.weights.h5'] as const;

const document = (): ModelDocument =>
  documentOf(
    sequential(
      [6, 6, 1],
      [conv2d('c', 2, 3), batchNormalization('n'), layer('Dropout', 'drop', { rate: 0.5 }), flatten('f'), dense('d', 3)],
    ),
    randomFill(1),
  );

function file(bytes: Uint8Array): string {
  const path = join(folder(), 'model.keras');
  writeFileSync(path, bytes);
  return path;
}

/** The entries of a `.keras` file, some changed or left out. */
async function archive(source: string | Buffer, changes: Partial<Record<string, Uint8Array | string | null>> = {}): Promise<string> {
  const path = typeof source === 'string' ? source : file(source);
  const { entries } = await readZip(path, Object.fromEntries(ENTRIES.map((name) => [name, 2 ** 30])));
  const all = new Map<string, Uint8Array>(entries);
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) all.delete(name);
    else all.set(name, typeof change === 'string' ? Buffer.from(change) : change!);
  }
  return file(await writeZip([...all]));
}

async function weightsWith(change: (dataset: Hdf5Dataset) => Hdf5Dataset | null): Promise<Uint8Array> {
  const { entries } = await readZip(SEED, { 'model.weights.h5': 2 ** 30 });
  const datasets = await readHdf5(entries.get('model.weights.h5')!, (path) => path === 'optimizer');
  return writeHdf5({ groups: [], datasets: datasets.map(change).filter((dataset) => dataset !== null) });
}

describe('reading a .keras file that Keras wrote', () => {
  it('gives its config, metadata and weights', async () => {
    const read = await readModel(SEED);
    expect(read.metadata.keras_version).toBe('3.15.1');
    expect([...read.weights].map(([key, { shape }]) => [key, ...shape])).toEqual([
      ['hidden_1/kernel', 20, 10],
      ['hidden_1/bias', 10],
      ['hidden_2/kernel', 10, 10],
      ['hidden_2/bias', 10],
      ['target/kernel', 10, 1],
      ['target/bias', 1],
    ]);
    // Glorot's uniform limit √(6/(20+10)).
    const kernel = read.weights.get('hidden_1/kernel')!.data;
    expect(Math.max(...kernel)).toBeLessThan(Math.sqrt(6 / 30));
    expect(Math.max(...kernel)).toBeGreaterThan(0.9 * Math.sqrt(6 / 30));
    expect(await readModelConfig(SEED)).toEqual(read.config);
  });

  it('leaves the optimizer’s slots out', async () => {
    const { extras } = await readModel(SEED);
    expect(extras.map(({ path }) => path)).toEqual([]);
  });
});

describe('a document written and read again', () => {
  it('is the same, bit for bit', async () => {
    const before = document();
    const after = await readKeras(file(await writeKeras(before)));
    expect(after.config).toEqual(before.config);
    expect(after.metadata).toEqual(before.metadata);
    expect([...after.weights.keys()]).toEqual([...before.weights.keys()]);
    for (const [key, { data }] of before.weights) expectSameBits(after.weights.get(key)!.data, data, key);
  });

  it('keeps data sets that are no weights, such as a seed generator’s state', async () => {
    const path = 'layers/dropout/seed_generator/vars/0';
    const before = { ...document(), extras: [{ path, shape: [2], dtype: '<I', data: Uint32Array.of(7, 4_000_000_000) }] };
    const after = await readKeras(file(await writeKeras(before)));
    expect(after.extras).toEqual(before.extras);
  });

  it('keeps scalars and every whole-number type', async () => {
    const datasets: Hdf5Dataset[] = [
      { path: 'a', shape: [], dtype: '<f', data: Float32Array.of(1.5) },
      { path: 'b', shape: [2], dtype: '<Q', data: BigUint64Array.of(1n, 2n ** 63n) },
      { path: 'c', shape: [2], dtype: '<b', data: Int8Array.of(-1, 1) },
      { path: 'd', shape: [1, 2], dtype: '<d', data: Float64Array.of(0.1, -0) },
    ];
    expect(await readHdf5(await writeHdf5({ groups: [{ path: 'g/h', attributes: { name: 'x' } }], datasets }))).toEqual(datasets);
  });

  it('keeps numbers of two bytes in as many, and in four where two do not hold them', async () => {
    const numbers = Float32Array.from({ length: 3000 }, (_, at) => 10 * Math.sin(at));
    // Numbers that read as the header of an object.
    const header = Uint16Array.from(new Uint16Array(Uint8Array.from(Buffer.from('OHDR\x02\x02OHDR\x02\x00', 'latin1')).buffer));
    const datasets: Hdf5Dataset[] = [
      { path: 'a/x', shape: [30, 100], dtype: '<f', data: rounded(numbers, 'float16'), narrow: 'float16' },
      { path: 'a/y', shape: [3000], dtype: '<f', data: rounded(numbers, 'bfloat16'), narrow: 'bfloat16' },
      { path: 'b', shape: [], dtype: '<f', data: Float32Array.of(1.5), narrow: 'bfloat16' },
      { path: 'c', shape: [6], dtype: '<f', data: widened(header, 'float16'), narrow: 'float16' },
      { path: 'd', shape: [30, 100], dtype: '<f', data: numbers },
      { path: 'e', shape: [2, 0], dtype: '<f', data: new Float32Array(0), narrow: 'float16' },
    ];
    for (const deflate of [false, true]) expect(await readHdf5(await writeHdf5({ groups: [], datasets, deflate }))).toEqual(datasets);
    const [{ narrow: _, ...inexact }] = [{ ...datasets[0]!, data: numbers }] as const;
    expect(await readHdf5(await writeHdf5({ groups: [], datasets: [{ ...inexact, narrow: 'float16' }] }))).toEqual([inexact]);
  });
});

describe('the bytes of a written file', () => {
  it('are the same at another time', async () => {
    const first = await writeKeras(document());
    const now = Date.now;
    Date.now = () => now() + 3_600_000;
    try {
      expect((await writeKeras(document())).equals(first)).toBe(true);
    } finally {
      Date.now = now;
    }
  });

  it('are the same in another time zone', async () => {
    const source = `
      import { readModel } from ${JSON.stringify(resolve(import.meta.dirname, '../../src/model/formats/index.ts'))};
      import { writeKeras } from ${JSON.stringify(resolve(import.meta.dirname, '../../src/model/formats/keras.ts'))};
      process.stdout.write(new Date(0).getHours() + ' ' + (await writeKeras(await readModel(${JSON.stringify(SEED)}))).toString('base64'));`;
    const written = (TZ: string): string[] =>
      execFileSync(process.execPath, ['--input-type=module', '-e', source], { env: { ...process.env, TZ }, encoding: 'utf8' }).split(' ');
    const [east, west] = [written('Pacific/Auckland'), written('America/Lima')];
    expect(east[0]).not.toBe(west[0]);
    expect(east[1]).toBe(west[1]);
    expect(Buffer.from(east[1]!, 'base64').equals(await writeKeras(await readModel(SEED)))).toBe(true);
  });

  it('are the same after a file was read that had other objects', async () => {
    const first = await writeKeras(document());
    await readModel(SEED);
    expect((await writeKeras(document())).equals(first)).toBe(true);
  });

  it('leave the clock running', async () => {
    const before = Date.now();
    await writeKeras(document());
    expect(Date.now()).toBeGreaterThanOrEqual(before);
  });

  it('shrink when weights are zero', async () => {
    const dense = document();
    const sparse = withWeights(
      dense,
      new Map([...dense.weights].map(([key, weight]) => [key, { ...weight, data: weight.data.map((value) => Math.max(0, value)) }])),
    );
    expect((await writeKeras(sparse)).length).toBeLessThan((await writeKeras(dense)).length);
  });
});

describe('a file that is no .keras file', () => {
  it.each<[string, string | Uint8Array]>([
    ['empty', ''],
    ['something that begins with the bytes 68656c6c6f', 'hello'],
  ])('is refused as %s', async (found, bytes) => {
    await expectProblem(() => readModel(file(Buffer.from(bytes))), 'UNSUPPORTED_FORMAT', found);
  });

  it.each(ENTRIES)('is refused as a zip archive without %s', async (name) => {
    await expectProblem(async () => readModel(await archive(SEED, { [name]: null })), 'UNSUPPORTED_FORMAT', name);
  });
});

describe('a damaged .keras file', () => {
  it.each([
    ['config.json', '{', /config\.json is not JSON/],
    ['config.json', '[1]', /not a JSON object/],
    ['config.json', 'null', /not a JSON object/],
    ['metadata.json', '7', /metadata\.json is not a JSON object/],
    ['model.weights.h5', 'HDF', /not an HDF5 file/],
    ['model.weights.h5', '', /not an HDF5 file/],
  ])('is unreadable with the %s %j', async (name, content, text) => {
    await expectProblem(async () => readModel(await archive(SEED, { [name]: content })), 'MODEL_UNREADABLE', text);
  });

  it('is unreadable when it is cut off anywhere', async () => {
    const bytes = readFileSync(SEED);
    for (let length = 4; length < bytes.length; length += 977) {
      await expectProblem(() => readModel(file(bytes.subarray(0, length))), 'MODEL_UNREADABLE');
    }
  });

  it('gives a Problem whichever bytes are wrong', async () => {
    const bytes = readFileSync(SEED);
    const path = join(folder(), 'model.keras');
    const wrong = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(wrong, async (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        writeFileSync(path, damaged);
        await readModel(path).then(
          (read) => expect(read.weights.size).toBe(6),
          (error) => expect(error).toBeInstanceOf(Problem),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('gives a Problem whichever bytes of the weights file are wrong', async () => {
    const { entries } = await readZip(SEED, { 'model.weights.h5': 2 ** 30 });
    const bytes = entries.get('model.weights.h5')!;
    const wrong = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(wrong, async (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        await readHdf5(damaged).then(
          (datasets) => expect(datasets.every(({ data }) => ArrayBuffer.isView(data))).toBe(true),
          (error) => expect(error).toBeInstanceOf(Problem),
        );
      }),
      { numRuns: 500 },
    );
    // The library goes on reading whole files.
    expect((await readModel(SEED)).weights.size).toBe(6);
  });

  it.each<[string, RegExp, (dataset: Hdf5Dataset) => Hdf5Dataset | null]>([
    ['is missing', /hidden_2 has no bias: .* layers\/dense_1\/vars\/1/, (set) => (set.path === 'layers/dense_1/vars/1' ? null : set)],
    [
      'has another shape',
      /hidden_2 has a kernel of shape \[5, 20\]; its config needs \[10, 10\]/,
      (set) => (set.path === 'layers/dense_1/vars/0' ? { ...set, shape: [5, 20] } : set),
    ],
    [
      'is of whole numbers',
      /stored as <b/,
      (set) => (set.path === 'layers/dense_1/vars/0' ? { ...set, dtype: '<b', data: new Int8Array(100) } : set),
    ],
  ])('is refused when a weight %s', async (_what, text, change) => {
    const weights = await weightsWith(change);
    await expectProblem(async () => readModel(await archive(SEED, { 'model.weights.h5': weights })), 'WEIGHTS_MISMATCH', text);
  });

  it('is refused when a layer has more weights than its config needs', async () => {
    const { entries } = await readZip(SEED, { 'config.json': 2 ** 30 });
    const config = entries.get('config.json')!.toString().replace('"use_bias": true', '"use_bias": false');
    await expectProblem(async () => readModel(await archive(SEED, { 'config.json': config })), 'WEIGHTS_MISMATCH', /more weights/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('is refused when a weight is %s', async (value) => {
    const weights = await weightsWith((set) =>
      set.path === 'layers/dense/vars/1'
        ? { ...set, data: Float32Array.from(set.data as Float32Array, (x, at) => (at === 3 ? value : x)) }
        : set,
    );
    await expectProblem(
      async () => readModel(await archive(SEED, { 'model.weights.h5': weights })),
      'NON_FINITE_WEIGHTS',
      new RegExp(`hidden_1: bias holds ${value} at index 3`),
    );
  });

  it('is read where weights are float64', async () => {
    const weights = await weightsWith((set) =>
      set.data instanceof Float32Array ? { ...set, dtype: '<d', data: Float64Array.from(set.data) } : set,
    );
    const read = await readModel(await archive(SEED, { 'model.weights.h5': weights }));
    for (const [key, { data }] of (await readModel(SEED)).weights) expectSameBits(read.weights.get(key)!.data, data, key);
  });
});

describe('readZip', () => {
  const zipped = (entries: [string, Buffer][]): Promise<string> =>
    new Promise((done) => {
      const zip = new yazl.ZipFile();
      for (const [name, bytes] of entries) zip.addBuffer(bytes, name);
      zip.end();
      const chunks: Buffer[] = [];
      zip.outputStream.on('data', (chunk: Buffer) => chunks.push(chunk));
      zip.outputStream.on('end', () => done(file(Buffer.concat(chunks))));
    });

  it('unpacks nothing that was not asked for, whatever it is called', async () => {
    const path = await zipped([
      ['a', Buffer.from('x')],
      ['b', Buffer.alloc(1000)],
      ['constructor', Buffer.alloc(1000)],
      ['toString', Buffer.alloc(1000)],
    ]);
    const { names, entries } = await readZip(path, { a: 10 });
    expect(names).toEqual(['a', 'b', 'constructor', 'toString']);
    expect([...entries].map(([name, bytes]) => [name, bytes.toString()])).toEqual([['a', 'x']]);
  });

  it('refuses an entry larger than its limit without unpacking it', async () => {
    const path = await zipped([['a', Buffer.alloc(1_000_000)]]);
    await expectProblem(() => readZip(path, { a: 999_999 }), 'MODEL_UNREADABLE', /1000000 bytes when unpacked; at most 999999/);
    expect((await readZip(path, { a: 1_000_000 })).entries.get('a')!.length).toBe(1_000_000);
  });

  it('refuses an entry that unpacks to more than it declares', async () => {
    const path = await zipped([['a', Buffer.alloc(1_000_000)]]);
    const bytes = readFileSync(path);
    // The size as the central directory declares it, 24 bytes into its entry.
    const directory = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
    expect(bytes.readUInt32LE(directory + 24)).toBe(1_000_000);
    bytes.writeUInt32LE(10, directory + 24);
    await expectProblem(() => readZip(file(bytes), { a: 100 }), 'MODEL_UNREADABLE');
  });

  it('refuses a name that stands twice', async () => {
    const path = await zipped([
      ['a', Buffer.from('1')],
      ['a', Buffer.from('2')],
    ]);
    await expectProblem(() => readZip(path, { a: 10 }), 'MODEL_UNREADABLE', /a twice/);
  });
});

describe('makeDocument', () => {
  const change = (key: string, weight: { shape: number[]; data: Float32Array<ArrayBuffer> } | null) => {
    const { graph: _graph, ...parts } = document();
    const weights = new Map(parts.weights);
    if (weight) weights.set(key, weight);
    else weights.delete(key);
    return makeDocument({ ...parts, weights });
  };

  it.each([
    ['no weight', null, /Layer d has no bias; one of shape \[3\] is needed/],
    ['another shape', { shape: [4], data: new Float32Array(4) }, /bias of shape \[4\]; its config needs \[3\]/],
    ['another rank', { shape: [3, 1], data: new Float32Array(3) }, /bias of shape \[3, 1\]/],
    ['too few numbers', { shape: [3], data: new Float32Array(2) }, /bias holds 2 numbers for shape \[3\]/],
  ])('refuses %s', async (_what, weight, text) => {
    await expectProblem(() => change('d/bias', weight), 'WEIGHTS_MISMATCH', text);
  });
});

describe('an HDF5 file', () => {
  async function made(make: (file: h5wasm.File) => void): Promise<Uint8Array> {
    const { FS } = await h5wasm.ready;
    const made = new h5wasm.File('/made.h5', 'w', { libver: 'v110' });
    make(made);
    made.close();
    const bytes = Uint8Array.from(FS.readFile('/made.h5'));
    FS.unlink('/made.h5');
    return bytes;
  }

  it('is read where its data are chunked and compressed', async () => {
    const data = Float32Array.from({ length: 5000 }, (_, index) => index);
    const bytes = await made((h5) =>
      h5.create_dataset({ name: 'a', data, shape: [5000], dtype: '<f', chunks: [1000], compression: 'gzip', compression_opts: 9 }),
    );
    const [read] = await readHdf5(bytes);
    expectSameBits(read!.data as Float32Array, data);
  });

  it('is refused, rather than read as whatever lay in memory, where compressed data are damaged', async () => {
    const data = Float32Array.from({ length: 5000 }, (_, index) => index);
    const bytes = await made((h5) =>
      h5.create_dataset({ name: 'a', data, shape: [5000], dtype: '<f', chunks: [5000], compression: 'gzip', compression_opts: 9 }),
    );
    const stream = Buffer.from(bytes.buffer).indexOf(Buffer.from([0x78, 0xda]));
    expect(stream).toBeGreaterThan(0);
    bytes.fill(0xff, stream, stream + 64);
    await expectProblem(() => readHdf5(bytes), 'MODEL_UNREADABLE', /not an HDF5 file that can be read: filter returned failure/);
  });

  it('is refused where it declares more data than any upload may unpack to', async () => {
    const bytes = await made((h5) => {
      const dataset = h5.create_dataset({
        name: 'a',
        data: Float32Array.of(1),
        shape: [1],
        dtype: '<f',
        maxshape: [null],
        chunks: [65_536],
      });
      dataset.resize([2 ** 29]);
    });
    expect(bytes.length).toBeLessThan(1_000_000);
    await expectProblem(() => readHdf5(bytes), 'MODEL_UNREADABLE', /declares more than/);
  });

  it('is refused with a link to another file', async () => {
    const bytes = await made((h5) => h5.create_external_link('/etc/passwd', 'a', 'b'));
    await expectProblem(() => readHdf5(bytes), 'MODEL_UNREADABLE', /b in the weights file|can be read/);
  });

  it('is refused with text for numbers', async () => {
    const bytes = await made((h5) => h5.create_dataset({ name: 'a', data: ['x'], shape: [1], dtype: 'S1' }));
    await expectProblem(() => readHdf5(bytes), 'MODEL_UNREADABLE', /a in the weights file holds "S1"/);
  });

  it('leaves whole branches out', async () => {
    const datasets: Hdf5Dataset[] = ['a/x', 'b/x', 'b/c/x'].map((path) => ({ path, shape: [1], dtype: '<f', data: Float32Array.of(1) }));
    const read = await readHdf5(await writeHdf5({ groups: [], datasets }), (path) => path === 'b');
    expect(read.map(({ path }) => path)).toEqual(['a/x']);
  });
});
