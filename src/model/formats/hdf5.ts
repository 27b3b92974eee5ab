/**
 * HDF5 by h5wasm on its in-memory file system: a hostile file's external links and external storage find no file of this machine. Each file is
 * opened, copied out of, and closed here; nothing holds a handle.
 */
import * as h5wasm from 'h5wasm';
import { Problem } from '../../errors.ts';

export type TypedArray =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

export interface Hdf5Dataset {
  path: string;
  shape: number[];
  /** h5wasm's spelling: `<f` is float32, `<d` float64, `<I` uint32. */
  dtype: string;
  data: TypedArray;
}

export interface Hdf5Group {
  path: string;
  /** The string attribute `name`, where there is one. */
  name: string | null;
}

export interface Hdf5Content {
  groups: Hdf5Group[];
  datasets: Hdf5Dataset[];
}

const MAX_DEPTH = 32;
const MAX_OBJECTS = 200_000;
let files = 0;

/**
 * Every group and numeric data set of a file, in the file's order; `skip` leaves out whole branches.
 * Throws Problem MODEL_UNREADABLE for what HDF5 cannot open, for soft and external links, and for data that are not plain numbers.
 */
export async function readHdf5(bytes: Uint8Array, skip: (path: string) => boolean = () => false): Promise<Hdf5Content> {
  const { FS } = await h5wasm.ready;
  const path = `/read-${files++}.h5`;
  FS.writeFile(path, bytes);
  let file: h5wasm.File | null = null;
  try {
    file = new h5wasm.File(path, 'r');
    const content: Hdf5Content = { groups: [], datasets: [] };
    walk(file, '', 0, content, skip);
    return content;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('MODEL_UNREADABLE', `The weights are not an HDF5 file that can be read: ${(error as Error).message}.`, {
      cause: error,
    });
  } finally {
    try {
      file?.close();
    } finally {
      FS.unlink(path);
    }
  }
}

function walk(group: h5wasm.Group, prefix: string, depth: number, content: Hdf5Content, skip: (path: string) => boolean): void {
  if (depth > MAX_DEPTH) throw new Problem('MODEL_UNREADABLE', `The weights file nests groups deeper than ${MAX_DEPTH}.`);
  for (const key of group.keys()) {
    const path = prefix === '' ? key : `${prefix}/${key}`;
    if (skip(path)) continue;
    if (content.groups.length + content.datasets.length >= MAX_OBJECTS) {
      throw new Problem('MODEL_UNREADABLE', `The weights file holds more than ${MAX_OBJECTS} objects.`);
    }
    const entity = group.get(key);
    if (entity instanceof h5wasm.Group) {
      const name = entity.attrs.name?.value;
      content.groups.push({ path, name: typeof name === 'string' ? name : null });
      walk(entity, path, depth + 1, content, skip);
    } else if (entity instanceof h5wasm.Dataset) {
      content.datasets.push(readDataset(entity, path));
    } else {
      throw new Problem(
        'MODEL_UNREADABLE',
        `${path} in the weights file is neither a group nor a data set; links and named types are not followed.`,
      );
    }
  }
}

function readDataset(dataset: h5wasm.Dataset, path: string): Hdf5Dataset {
  const { dtype, shape } = dataset;
  const value = typeof dtype === 'string' && /^[<>|]?[fdbBhHiIqQ]$/.test(dtype) ? dataset.value : null;
  if (shape === null || value === null || typeof dtype !== 'string') {
    throw new Problem(
      'MODEL_UNREADABLE',
      `${path} in the weights file holds ${JSON.stringify(dtype)}; float32, float64 and whole numbers can be read.`,
    );
  }
  return { path, shape, dtype: dtype.replace('>', '<'), data: ArrayBuffer.isView(value) ? (value as TypedArray) : scalar(value, dtype) };
}

function scalar(value: unknown, dtype: string): TypedArray {
  if (typeof value === 'bigint') return dtype.endsWith('Q') ? BigUint64Array.of(value) : BigInt64Array.of(value);
  const kinds: Record<string, { of(...items: number[]): TypedArray }> = {
    f: Float32Array,
    d: Float64Array,
    b: Int8Array,
    B: Uint8Array,
    h: Int16Array,
    H: Uint16Array,
    i: Int32Array,
    I: Uint32Array,
  };
  return kinds[dtype.at(-1)!]!.of(Number(value));
}

/** The bytes of an HDF5 file of contiguous data sets. The same content gives the same bytes. */
export async function writeHdf5(content: Hdf5Content): Promise<Uint8Array<ArrayBuffer>> {
  const { FS } = await h5wasm.ready;
  const path = `/write-${files++}.h5`;
  // HDF5 stamps every object with the time, and h5wasm cannot turn that off: the clock stands still for this synchronous block.
  const now = Date.now;
  Date.now = () => 0;
  const file = new h5wasm.File(path, 'w', { libver: 'v110' });
  try {
    const made = new Set<string>();
    const makeGroup = (group: string): void => {
      if (group === '' || made.has(group)) return;
      makeGroup(group.slice(0, Math.max(0, group.lastIndexOf('/'))));
      file.create_group(group);
      made.add(group);
    };
    for (const group of content.groups) {
      makeGroup(group.path);
      if (group.name !== null) (file.get(group.path) as h5wasm.Group).create_attribute('name', group.name);
    }
    for (const { path: name, shape, dtype, data } of content.datasets) {
      makeGroup(name.slice(0, Math.max(0, name.lastIndexOf('/'))));
      file.create_dataset({ name, data, shape, dtype });
    }
    file.close();
    return Uint8Array.from(FS.readFile(path));
  } finally {
    Date.now = now;
    FS.unlink(path);
  }
}
