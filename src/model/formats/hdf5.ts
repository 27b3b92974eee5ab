/**
 * HDF5 by h5wasm on its in-memory file system: a hostile file's external links and external storage find no file of this machine. Each file is
 * opened, copied out of, and closed here; nothing holds a handle.
 */
import * as h5wasm from 'h5wasm';
import { Problem } from '../../errors.ts';
import { type HalfPrecision, narrowed, widened } from './half-precision.ts';
import { standInType, takeStandInsAway } from './hdf5-halves.ts';

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
  /** The file has the numbers in this narrower type; here they are float32. Written in it where it holds them all. */
  narrow?: HalfPrecision;
}

/** What is written: groups with their attributes (the root is ''), and data sets. */
export interface Hdf5Content {
  groups: { path: string; attributes: Record<string, string | readonly string[]> }[];
  datasets: Hdf5Dataset[];
  /** Whether large data sets are deflated; those of a file inside a zip are better left to the zip. */
  deflate?: boolean;
}

/** An open file, as `withHdf5` lends it. */
export interface Hdf5File {
  /** Every numeric data set, in the file's order; `skip` leaves out whole branches. */
  datasets(skip?: (path: string) => boolean): Hdf5Dataset[];
  /** The names in a group, the root being ''; null where there is no such group. */
  names(path: string): string[] | null;
  /** A text attribute of a group; null where it has none. */
  text(path: string, name: string): string | null;
  /** A list of texts as Keras stores it: in one attribute, or in several that are numbered where it is long. Null where the group has none. */
  texts(path: string, name: string): string[] | null;
}

/** Of one attribute: Keras stores configs as such. */
const MAX_ATTRIBUTE_BYTES = 64 * 2 ** 20;
/** HDF5 keeps attributes in an object's header, which has 64 KiB; Keras splits longer lists here. */
const LIST_BYTES = 64_512;
/** Data sets of fewer elements are not worth a chunk of their own. */
const DEFLATE_FROM = 1_024;
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
 * Lends a file to `read` and closes it. Attributes are read by name, and only where the format needs them: HDF5 never returns from those of some damaged
 * files, which is one reason why uploads are read in processes with a time limit.
 * Throws Problem MODEL_UNREADABLE for what HDF5 cannot open, for soft and external links, and for data that are not plain numbers.
 */
export async function withHdf5<Result>(bytes: Uint8Array, read: (file: Hdf5File) => Result): Promise<Result> {
  const { FS } = await library();
  const path = `/read-${files++}.h5`;
  // Emscripten's types do not know it: the bytes are not copied.
  FS.writeFile(path, bytes, { canOwn: true } as object);
  let file: h5wasm.File | null = null;
  try {
    const opened = new h5wasm.File(path, 'r');
    file = opened;
    const groups = new Groups(opened);
    return read({
      datasets: (skip = () => false) => {
        const found: Found = { objects: 0, bytes: 0, datasets: [] };
        walk(opened, '', 0, found, skip);
        return found.datasets;
      },
      names: (group) => groups.at(group)?.keys() ?? null,
      text: (group, name) => {
        const value = attributeOf(groups, group, name);
        return typeof value === 'string' ? value : null;
      },
      texts: (group, name) => {
        const whole = attributeOf(groups, group, name);
        if (Array.isArray(whole)) return whole;
        const parts: string[][] = [];
        for (;;) {
          const part = attributeOf(groups, group, `${name}${parts.length}`);
          if (!Array.isArray(part)) break;
          parts.push(part);
        }
        return parts.length > 0 ? parts.flat() : null;
      },
    });
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

/** Every numeric data set of a file. Throws what `withHdf5` throws. */
export function readHdf5(bytes: Uint8Array, skip?: (path: string) => boolean): Promise<Hdf5Dataset[]> {
  return withHdf5(bytes, (file) => file.datasets(skip));
}

/** The groups of a file by their paths. Each says once what it holds: thousands of layers lie in one. */
class Groups {
  readonly file: h5wasm.File;
  readonly #names = new Map<string, ReadonlySet<string>>();

  constructor(file: h5wasm.File) {
    this.file = file;
  }

  at(path: string): h5wasm.Group | null {
    if (path === '') return this.file;
    const end = path.lastIndexOf('/');
    // HDF5 fails on a path through something that is not there.
    if (!this.#namesIn(path.slice(0, Math.max(0, end))).has(path.slice(end + 1))) return null;
    const entity = this.file.get(path);
    return entity instanceof h5wasm.Group ? entity : null;
  }

  #namesIn(path: string): ReadonlySet<string> {
    let names = this.#names.get(path);
    if (!names) {
      names = new Set(this.at(path)?.keys());
      this.#names.set(path, names);
    }
    return names;
  }
}

/** HDF5's number of the character set. */
const ASCII = 0;

/** The bytes that Windows-1252, as which h5wasm reads some texts that are said to be ASCII, has elsewhere in Unicode. */
const ELSEWHERE = new Map([...'€?‚ƒ„…†‡ˆ‰Š‹Œ?Ž??‘’“”•–—˜™š›œ?žŸ'].map((character, index) => [character, 0x80 + index]));

/** A text that is said to be ASCII, and may be UTF-8: NumPy says so of the names of layers that Keras gives it. */
function asUtf8(text: string): string {
  const bytes = Array.from(text, (character) => (character > 'ÿ' ? ELSEWHERE.get(character) : character.charCodeAt(0)) ?? 0);
  return bytes.every((byte) => byte < 0x80) ? text : Buffer.from(bytes).toString('utf8');
}

/** A text, a list of texts (an empty list of whatever type is one), or null. */
function attributeOf(groups: Groups, path: string, name: string): string | string[] | null {
  const { file } = groups;
  const group = groups.at(path);
  if (!group || !h5wasm.Module.get_attribute_names(file.file_id, group.path).includes(name)) return null;
  const { shape, size, total_size: count, type, cset } = h5wasm.Module.get_attribute_metadata(file.file_id, group.path, name);
  if (count === 0 && shape?.length === 1) return [];
  if (type !== h5wasm.Module.H5T_class_t.H5T_STRING.value) return null;
  if (size * count > MAX_ATTRIBUTE_BYTES) {
    throw new Problem(
      'MODEL_UNREADABLE',
      `The attribute ${name} of the file has ${size * count} bytes; at most ${MAX_ATTRIBUTE_BYTES} are read.`,
    );
  }
  const value: unknown = group.get_attribute(name, true);
  // NumPy pads texts of a fixed length.
  const text = (item: unknown): string => (cset === ASCII ? asUtf8 : String)(String(item).replace(/\0+$/, ''));
  return Array.isArray(value) ? value.flat().map(text) : text(value);
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
  const narrow = narrowType(dataset);
  if (narrow) return readNarrow(dataset, path, narrow);
  const { type } = dataset.metadata;
  const { H5T_INTEGER, H5T_FLOAT } = h5wasm.Module.H5T_class_t;
  const dtype = type === H5T_INTEGER.value || type === H5T_FLOAT.value ? dataset.dtype : null;
  const { shape } = dataset;
  const value = typeof dtype === 'string' && /^[<>|]?[fdbBhHiIqQ]$/.test(dtype) ? dataset.value : null;
  if (shape === null || value === null || typeof dtype !== 'string') {
    throw new Problem(
      'MODEL_UNREADABLE',
      `${path} in the weights file holds ${JSON.stringify(dataset.dtype)}; floating-point and whole numbers can be read.`,
    );
  }
  return { path, shape, dtype: dtype.replace('>', '<'), data: ArrayBuffer.isView(value) ? (value as TypedArray) : scalar(value, dtype) };
}

/** NumPy knows no bfloat16: Keras' numbers of that type are two opaque bytes each. */
function narrowType({ metadata }: h5wasm.Dataset): HalfPrecision | null {
  const { H5T_FLOAT, H5T_OPAQUE } = h5wasm.Module.H5T_class_t;
  if (metadata.size !== 2 || metadata.shape === null) return null;
  if (metadata.type === H5T_FLOAT.value) return 'float16';
  return metadata.type === H5T_OPAQUE.value ? 'bfloat16' : null;
}

/** The numbers by the library's own function, since h5wasm's `value` has no such type. */
function readNarrow({ file_id, path: at, metadata }: h5wasm.Dataset, path: string, narrow: HalfPrecision): Hdf5Dataset {
  const { shape, total_size: count, littleEndian } = metadata as { shape: number[]; total_size: number; littleEndian: boolean };
  const module = h5wasm.Module;
  const pointer = module._malloc(Math.max(1, count * 2));
  try {
    // All of it: a scalar has no axes to choose from.
    module.get_dataset_data(file_id, at, null, null, null, BigInt(pointer));
    const view = new DataView(module.HEAPU8.buffer, pointer, count * 2);
    const words = Uint16Array.from({ length: count }, (_, index) => view.getUint16(index * 2, littleEndian || narrow === 'bfloat16'));
    return { path, shape, dtype: '<f', data: widened(words, narrow), narrow };
  } finally {
    module._free(pointer);
  }
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

/** The bytes of an HDF5 file. The same content gives the same bytes. */
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
    for (const { path: at, attributes } of content.groups) {
      makeGroup(at);
      const group = at === '' ? file : (file.get(at) as h5wasm.Group);
      for (const [attribute, value] of Object.entries(attributes)) {
        if (typeof value === 'string') group.create_attribute(attribute, value, null, 'S');
        else writeTexts(group, attribute, value);
      }
    }
    const halves: HalfPrecision[] = [];
    for (const { path: name, shape, dtype, data, narrow } of content.datasets) {
      makeGroup(name.slice(0, Math.max(0, name.lastIndexOf('/'))));
      const deflated = Boolean(content.deflate) && shape.length > 0 && data.length >= DEFLATE_FROM;
      const words = narrow ? exactly(data, narrow) : null;
      if (narrow && words) {
        createHalf(file, { name, shape, words, narrow, deflated });
        halves.push(narrow);
        continue;
      }
      file.create_dataset({
        name,
        data,
        shape,
        dtype,
        ...(deflated ? { chunks: shape, compression: 'gzip', compression_opts: 9 } : {}),
      });
    }
    file.close();
    const bytes = Uint8Array.from(FS.readFile(path));
    takeStandInsAway(bytes, halves);
    return bytes;
  } finally {
    Date.now = now;
    FS.unlink(path);
  }
}

/** The words of numbers that a type of two bytes holds as they are; null where it does not. */
function exactly(data: TypedArray, type: HalfPrecision): Uint16Array<ArrayBuffer> | null {
  if (!(data instanceof Float32Array)) return null;
  const words = narrowed(data, type);
  const held = widened(words, type);
  return data.every((value, index) => Object.is(value, held[index])) ? words : null;
}

/** A data set of two-byte words, of which `takeStandInsAway` has to be told. */
function createHalf(
  file: h5wasm.File,
  dataset: { name: string; shape: readonly number[]; words: Uint16Array<ArrayBuffer>; narrow: HalfPrecision; deflated: boolean },
): void {
  const { name, shape, words, narrow, deflated } = dataset;
  const module = h5wasm.Module;
  const axes = shape.map(BigInt);
  const pointer = module._malloc(Math.max(1, words.byteLength));
  try {
    module.HEAPU8.set(new Uint8Array(words.buffer), pointer);
    module.create_dataset(file.file_id, `/${name}`, BigInt(pointer), {
      ...standInType(narrow),
      shape: axes,
      maxshape: axes,
      chunks: deflated ? axes : null,
      compression: deflated ? 1 : 0,
      compression_opts: deflated ? [9] : [],
      track_order: false,
    } as unknown as Parameters<typeof module.create_dataset>[3]);
  } finally {
    module._free(pointer);
  }
  // Keras' own sign of its opaque numbers.
  if (narrow === 'bfloat16') (file.get(name) as h5wasm.Dataset).create_attribute('dtype', narrow, null, 'S');
}

/** A list of texts as Keras stores it: of one length, in as many attributes as their bytes need. */
function writeTexts(group: h5wasm.Group, name: string, texts: readonly string[]): void {
  const width = Math.max(1, ...texts.map((text) => Buffer.byteLength(text)));
  const each = Math.max(1, Math.floor(LIST_BYTES / width));
  const write = (attribute: string, part: readonly string[]) => group.create_attribute(attribute, [...part], [part.length], `S${width}`);
  if (texts.length <= each) write(name, texts);
  else for (let from = 0, part = 0; from < texts.length; from += each, part++) write(`${name}${part}`, texts.slice(from, from + each));
}
