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

/** What is written: groups with their `name` attribute, and data sets. */
export interface Hdf5Content {
  groups: { path: string; name: string }[];
  datasets: Hdf5Dataset[];
}

const MAX_DEPTH = 32;
const MAX_OBJECTS = 200_000;
/** Of all data sets together: one whose chunks are not stored may declare any size. */
const MAX_BYTES = 1.5 * 2 ** 30;
let files = 0;

/**
 * Left alone, the library prints what went wrong and h5wasm hands out memory that was never written. Each error thrown through the library costs some
 * of its stack: after 2,000 damaged files a process can read no more, so uploads are read in processes of their own.
 */
async function library(): Promise<Awaited<typeof h5wasm.ready>> {
  const module = await h5wasm.ready;
  module.activate_throwing_error_handler();
  return module;
}

/**
 * Every numeric data set of a file, in the file's order; `skip` leaves out whole branches. Attributes are not read: nothing needs them, and HDF5
 * never returns from those of some damaged files.
 * Throws Problem MODEL_UNREADABLE for what HDF5 cannot open, for soft and external links, and for data that are not plain numbers.
 */
export async function readHdf5(bytes: Uint8Array, skip: (path: string) => boolean = () => false): Promise<Hdf5Dataset[]> {
  const { FS } = await library();
  const path = `/read-${files++}.h5`;
  FS.writeFile(path, bytes);
  let file: h5wasm.File | null = null;
  try {
    file = new h5wasm.File(path, 'r');
    const found: Found = { objects: 0, bytes: 0, datasets: [] };
    walk(file, '', 0, found, skip);
    return found.datasets;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('MODEL_UNREADABLE', `The weights are not an HDF5 file that can be read: ${reasonOf(error as Error)}.`, {
      cause: error,
    });
  } finally {
    try {
      file?.close();
    } catch {
      // Of a damaged file: the library gives it up.
    }
    FS.unlink(path);
  }
}

/** The innermost line of HDF5's error stack, which says what is wrong, or the whole message of another error. */
function reasonOf({ message }: Error): string {
  return [...message.matchAll(/^ +#\d+: (?!.*H5PL).*?\(\): (.*)$/gm)].at(-1)?.[1] ?? message;
}

interface Found {
  objects: number;
  bytes: number;
  datasets: Hdf5Dataset[];
}

function walk(group: h5wasm.Group, prefix: string, depth: number, found: Found, skip: (path: string) => boolean): void {
  if (depth > MAX_DEPTH) throw new Problem('MODEL_UNREADABLE', `The weights file nests groups deeper than ${MAX_DEPTH}.`);
  for (const key of group.keys()) {
    const path = prefix === '' ? key : `${prefix}/${key}`;
    if (skip(path)) continue;
    if (found.objects++ >= MAX_OBJECTS) {
      throw new Problem('MODEL_UNREADABLE', `The weights file holds more than ${MAX_OBJECTS} objects.`);
    }
    const entity = group.get(key);
    if (entity instanceof h5wasm.Group) {
      walk(entity, path, depth + 1, found, skip);
    } else if (entity instanceof h5wasm.Dataset) {
      found.bytes += (entity.shape ?? []).reduce((product, axis) => product * axis, entity.metadata.size);
      if (found.bytes > MAX_BYTES) throw new Problem('MODEL_UNREADABLE', `The weights file declares more than ${MAX_BYTES} bytes of data.`);
      found.datasets.push(readDataset(entity, path));
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
  const { FS } = await library();
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
      (file.get(group.path) as h5wasm.Group).create_attribute('name', group.name);
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
