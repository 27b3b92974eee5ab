/**
 * The parsers of what callers send, each as a function of bytes that resolves with the code of the Problem it ended with, or null for bytes that were read,
 * and rejects where neither came about. `scripts/fuzz.ts` looks for such bytes; test/fuzz keeps what was found.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import multipart from '@fastify/multipart';
import { fastify } from 'fastify';
import { DATASET_LIMITS } from '../../src/dataset/limits.ts';
import type { DatasetOptions } from '../../src/dataset/options.ts';
import { readDataset } from '../../src/dataset/read.ts';
import { Problem } from '../../src/errors.ts';
import { receiveParts } from '../../src/http/uploads/receive-parts.ts';
import { readEsp, writeEsp } from '../../src/model/formats/esp/index.ts';
import { writeH5 } from '../../src/model/formats/h5.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { writeKerasSafetensors } from '../../src/model/formats/keras-safetensors.ts';
import { readSafetensors, writeSafetensors } from '../../src/model/formats/safetensors.ts';
import { writeTfjs } from '../../src/model/formats/tfjs.ts';
import { readZip, writeZip } from '../../src/model/formats/zip.ts';
import { readModelFacts } from '../../src/pruning/inspect.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, sequential } from '../helpers/documents.ts';

export interface Target {
  /** Small files that are what the parser reads. */
  seeds(): Promise<Buffer[]>;
  /** Reads them as an upload is read. */
  run(bytes: Buffer): Promise<string | null>;
  /** Its library never returns from some damaged files, which is why they are read in a process that is ended. */
  endless?: true;
  /** How many a process may be fed: its library is worn out by those that are damaged. No limit where it is not said. */
  mostRuns?: number;
}

/** HDF5, of whose stack each error takes a little. */
const WORN_OUT = { endless: true, mostRuns: 1_000 } as const;

const LIMITS = { ...DATASET_LIMITS, totalBytes: 2 ** 26 };

async function outcome(action: () => unknown): Promise<string | null> {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

async function inFolder(action: (folder: string) => Promise<unknown>): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-fuzz-'));
  try {
    return await outcome(() => action(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const asModel = (bytes: Uint8Array): Promise<string | null> =>
  inFolder((folder) => {
    const path = join(folder, 'model');
    writeFileSync(path, bytes);
    return readModelFacts(path);
  });

const asDataset = (bytes: Uint8Array, name: 'file' | 'x' = 'file', options: DatasetOptions = {}): Promise<string | null> =>
  inFolder((folder) => {
    const path = join(folder, 'part');
    const made = join(folder, 'made');
    writeFileSync(path, bytes);
    mkdirSync(made);
    return readDataset([{ name, path, filename: null }], options, made, LIMITS);
  });

const network = () =>
  documentOf(
    sequential([6, 6, 2], [conv2d('c', 2, 3), batchNormalization('n'), flatten('f'), dense('d', 3)]),
    (_, index) => (index % 7) / 7,
  );

/** The entries of a small archive. */
async function entriesOf(archive: Buffer): Promise<Map<string, Buffer>> {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-fuzz-'));
  try {
    const path = join(folder, 'archive');
    writeFileSync(path, archive);
    return (await readZip(path, 2 ** 24)).entries;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A model whose archive has these bytes in place of one of its entries. */
function entryTarget(archive: () => Promise<Buffer>, entry: RegExp): Target {
  let entries: Promise<Map<string, Buffer>> | undefined;
  const known = () => {
    entries ??= archive().then(entriesOf);
    return entries;
  };
  return {
    seeds: async () => [...(await known())].filter(([name]) => entry.test(name)).map(([, bytes]) => bytes),
    run: async (bytes) => asModel(await writeZip([...(await known())].map(([name, own]) => [name, entry.test(name) ? bytes : own]))),
  };
}

const NPY = (shape: string, data: Uint8Array, descr = '<f4') => {
  const header = `${`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117)}\n`;
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.from([header.length, 0]), Buffer.from(header), data]);
};
const floats = (count: number) => Buffer.from(Float32Array.from({ length: count }, (_, index) => index % 5).buffer);
const classes = Buffer.from(Uint8Array.from({ length: 20 }, (_, index) => index % 2));
const x = NPY('(20, 3)', floats(60));
const y = NPY('(20,)', classes, '|u1');

const IDX = Buffer.concat([Buffer.from([0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 2]), Buffer.alloc(80, 7)]);

const CSV = `length,width,class\n${Array.from({ length: 20 }, (_, row) => `${row}.5,"${row % 3}",${row % 2 ? 'a' : 'b'}`).join('\r\n')}\n`;

/** A PNG of 2 by 2 grey pixels. */
function png(): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from([0, 1, 2, 0, 3, 4]))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const JPEG = Buffer.from(
  '/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q==',
  'base64',
);

const FORM =
  '--b\r\ncontent-disposition: form-data; name="name"\r\n\r\nn\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="m.keras"\r\ncontent-type: application/octet-stream\r\n\r\nbytes\r\n--b--\r\n';

/** The bytes as the body of an upload. */
async function asForm(bytes: Buffer): Promise<string | null> {
  let thrown: unknown;
  const folder = mkdtempSync(join(tmpdir(), 'espalier-fuzz-'));
  const app = fastify();
  try {
    await app.register(multipart);
    app.post('/', async (request) => {
      await receiveParts(request, { files: ['file'], fields: ['name'], maxBytes: 2 ** 20, folder, repeated: 'file' }).catch((error) => {
        thrown = error;
      });
      return 'read';
    });
    await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'multipart/form-data; boundary=b' }, payload: bytes });
    return await outcome(() => {
      if (thrown !== undefined) throw thrown;
    });
  } finally {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const TARGETS: Readonly<Record<string, Target>> = {
  zip: { seeds: async () => [await writeZip([['a', Buffer.from('a')]]), await writeTfjs(network())], run: asModel },
  keras: { seeds: async () => [await writeKeras(network())], run: asModel },
  keras_config: entryTarget(() => writeKeras(network()), /^config\.json$/),
  hdf5: { seeds: async () => [Buffer.from(await writeH5(network()))], run: asModel, ...WORN_OUT },
  hdf5_weights: { ...entryTarget(() => writeKeras(network()), /\.h5$/), ...WORN_OUT },
  tfjs_json: entryTarget(() => writeTfjs(network()), /\.json$/),
  safetensors: {
    seeds: async () => [Buffer.from(writeSafetensors([{ name: 'w', dtype: 'F32', shape: [2], data: new Float32Array([1, 2]) }]))],
    run: (bytes) => outcome(() => readSafetensors(bytes, 'fuzzed')),
  },
  safetensors_model: entryTarget(() => writeKerasSafetensors(network()), /\.safetensors$/),
  esp: {
    seeds: async () => [writeEsp(network()).subarray(0, -4)],
    // With a checksum that is right, or every change would end at it.
    run: (bytes) =>
      inFolder((folder) => {
        const sum = Buffer.alloc(4);
        sum.writeUInt32LE(crc32(bytes));
        const path = join(folder, 'model.esp');
        writeFileSync(path, Buffer.concat([bytes, sum]));
        return readEsp(path);
      }),
  },
  npz: {
    seeds: async () => [
      await writeZip([
        ['x.npy', x],
        ['y.npy', y],
      ]),
    ],
    run: (bytes) => asDataset(bytes),
  },
  npy: {
    seeds: async () => [x, y],
    run: async (bytes) =>
      asDataset(
        await writeZip([
          ['x.npy', bytes],
          ['y.npy', y],
        ]),
      ),
  },
  csv: { seeds: async () => [Buffer.from(CSV)], run: (bytes) => asDataset(bytes, 'file', { label_column: 'class', missing: 'mean' }) },
  csv_categories: {
    seeds: async () => [Buffer.from(CSV)],
    run: (bytes) => asDataset(bytes, 'file', { categorical_columns: 'auto', missing: 'zero' }),
  },
  idx: { seeds: async () => [IDX], run: (bytes) => asDataset(bytes, 'x') },
  image: {
    seeds: async () => [png(), JPEG],
    run: async (bytes) => {
      const images = Array.from({ length: 10 }, (_, image): [string, Buffer] => [`${image % 2 ? 'a' : 'b'}/${image}.png`, png()]);
      return asDataset(await writeZip([['a/fuzzed.png', bytes], ...images]), 'file', { resize: [2, 2] });
    },
  },
  images: {
    seeds: async () => [
      await writeZip(Array.from({ length: 20 }, (_, image) => [`${image % 2 ? 'a' : 'b'}/${image}.png`, png()] as const)),
    ],
    run: (bytes) => asDataset(bytes),
  },
  multipart: { seeds: async () => [Buffer.from(FORM)], run: asForm },
};
