/** npz, NumPy's zip of .npy arrays, under the names that Keras examples use. */
import { join } from 'node:path';
import { type ArraySet, type ArraySource, arrayIn, elementsIn } from '../arrays.ts';
import { admit, type ByteSource, head } from '../bytes.ts';
import { invalid, unreadable } from '../complaints.ts';
import type { DatasetLimits } from '../limits.ts';
import { LONGEST_HEADER, type NpyHeader, NpyHeaderError, parseNpyHeader } from './npy-header.ts';
import { rowMajor } from './row-major.ts';
import { zipEntries } from './zip.ts';

type Role = 'x' | 'y' | 'w' | 'x_selection' | 'y_selection' | 'w_selection' | 'x_test' | 'y_test' | 'w_test';

/** Names, in lower case, that each array may have. */
const NAMES: Record<Role, readonly string[]> = {
  x: ['x', 'x_train', 'train_x', 'train_images', 'images', 'data', 'features'],
  y: ['y', 'y_train', 'train_y', 'train_labels', 'labels', 'target', 'targets'],
  w: ['w', 'w_train', 'train_w', 'sample_weight', 'sample_weights', 'sample_weight_train'],
  x_selection: ['x_selection', 'x_val', 'x_valid', 'x_validation', 'val_x', 'val_images'],
  y_selection: ['y_selection', 'y_val', 'y_valid', 'y_validation', 'val_y', 'val_labels'],
  w_selection: ['w_selection', 'w_val', 'w_valid', 'w_validation', 'val_w', 'sample_weight_selection', 'sample_weight_val'],
  x_test: ['x_test', 'test_x', 'test_images'],
  y_test: ['y_test', 'test_y', 'test_labels'],
  w_test: ['w_test', 'test_w', 'sample_weight_test'],
};

/** No data set needs more. */
const MOST_ARRAYS = 64;

const ACCEPTED = Object.entries(NAMES)
  .map(([role, names]) => `${role}: ${names.join(', ')}`)
  .join('; ');

/**
 * The arrays of an npz file; `folder` is for copies of column-major ones. Throws DATASET_INVALID where the names do not make a data set, where an array is
 * of a type that is not read (pickles never are) or beyond the limits, and DATASET_UNREADABLE where the file is damaged.
 */
export async function readNpz(path: string, pointer: string, folder: string, limits: DatasetLimits): Promise<ArraySet> {
  const entries = await npzEntries(path, pointer, MOST_ARRAYS);
  const keys = entries.map(({ key }) => key);
  const found = new Map<Role, ByteSource>();
  for (const [index, key] of keys.entries()) {
    const role = roleOf(key);
    if (role === null) {
      throw invalid(
        pointer,
        `${pointer} has an array '${shortened(key)}', which is not a name that is read. Read are (in any case) ${ACCEPTED}`,
        {
          received: keys,
        },
      );
    }
    if (found.has(role)) {
      throw invalid(pointer, `${pointer} has more than one array for ${role}; leave one of them out`, { received: keys });
    }
    found.set(role, entries[index]!.source);
  }
  if (!found.has('x')) throw invalid(pointer, `${pointer} has no array for x. Read are (in any case) ${ACCEPTED}`, { received: keys });

  const read = async (role: Role): Promise<ArraySource | null> => {
    const source = found.get(role);
    return source === undefined ? null : await readNpy(source, join(folder, `${role}.column-major`), limits);
  };
  const pair = async (x: Role, y: Role, w: Role) => {
    const [xArray, yArray, wArray] = [await read(x), await read(y), await read(w)];
    if (xArray !== null) return { x: xArray, y: yArray, w: wArray };
    if (yArray === null && wArray === null) return null;
    throw invalid(pointer, `${pointer} has an array for ${yArray === null ? w : y} and none for ${x}`, { received: keys });
  };
  return {
    format: 'npz',
    train: (await pair('x', 'y', 'w'))!,
    selection: await pair('x_selection', 'y_selection', 'w_selection'),
    test: await pair('x_test', 'y_test', 'w_test'),
  };
}

/**
 * All arrays of an npz file, whatever they are called; `scratchPath` names a file for a copy of each that is column-major. Throws as `readNpz`, and
 * DATASET_INVALID where a name comes twice.
 */
export async function npzArrays(
  path: string,
  pointer: string,
  most: number,
  scratchPath: (index: number) => string,
  limits: DatasetLimits,
): Promise<{ key: string; array: ArraySource }[]> {
  const entries = await npzEntries(path, pointer, most);
  const keys = entries.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw invalid(pointer, `${pointer} has more than one array '${shortened(twice)}'`, { received: keys });
  const arrays: { key: string; array: ArraySource }[] = [];
  for (const [index, { key, source }] of entries.entries()) arrays.push({ key, array: await readNpy(source, scratchPath(index), limits) });
  return arrays;
}

/** The entries under their names without `.npy`. */
async function npzEntries(path: string, pointer: string, most: number): Promise<{ key: string; source: ByteSource }[]> {
  const entries = await zipEntries(path, pointer, most);
  const stranger = entries.find(({ name }) => !name.endsWith('.npy'));
  if (stranger !== undefined) {
    throw invalid(
      pointer,
      `${pointer} is a zip file with '${shortened(stranger.name)}' in it; an npz (numpy.savez) holds .npy arrays only`,
      {
        received: entries.map(({ name }) => name),
      },
    );
  }
  return entries.map(({ name, source }) => ({ key: name.slice(0, -'.npy'.length), source }));
}

function roleOf(key: string): Role | null {
  const roles = Object.keys(NAMES) as Role[];
  return roles.find((role) => NAMES[role].includes(key.toLowerCase())) ?? null;
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}

async function readNpy(source: ByteSource, scratchPath: string, limits: DatasetLimits): Promise<ArraySource> {
  const header = await readHeader(source);
  const declaredBytes = header.bytes + elementsIn(header.shape) * header.element.bytes;
  admit(source, declaredBytes, limits);
  if (declaredBytes !== source.sizeBytes) {
    throw unreadable(
      source.pointer,
      `${source.name} is ${source.sizeBytes} bytes; .npy of shape ${JSON.stringify(header.shape)} with ${header.element.bytes} bytes an element is ${declaredBytes}`,
      { received: header.shape },
    );
  }
  const array = arrayIn(source, header.bytes, header.element, header.shape);
  return header.fortran && header.shape.length > 1 ? rowMajor(array, scratchPath) : array;
}

async function readHeader(source: ByteSource): Promise<NpyHeader> {
  const start = await head(source, 12 + LONGEST_HEADER);
  try {
    return parseNpyHeader(start);
  } catch (error) {
    if (!(error instanceof NpyHeaderError)) throw error;
    const complain = error.reason === 'damaged' ? unreadable : invalid;
    throw complain(source.pointer, `${source.name} ${error.message}`, { cause: error });
  }
}
