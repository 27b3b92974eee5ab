/** Numbers of a file as a layer's weights, and weights as a file holds them. */
import { Problem } from '../../errors.ts';
import type { Source, Weight, Weights } from '../document.ts';
import type { ModelFormat } from '../facts.ts';
import { type Layer, weightKey } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';
import type { HalfPrecision } from './half-precision.ts';
import type { Hdf5Dataset, TypedArray } from './hdf5.ts';

/** A tensor of a file; one of two-byte numbers, `narrow`, is float32 here. */
interface StoredTensor {
  shape: readonly number[];
  data: TypedArray;
  dtype: string;
  narrow?: HalfPrecision | undefined;
}

/** The weights of a file that is being read, and what a file of the same format keeps of how it held them. */
export class FileWeights {
  readonly weights: Weights = new Map();
  readonly names = new Map<string, string>();
  readonly #narrow = new Map<string, HalfPrecision>();
  readonly #doubles = new Map<string, Float64Array<ArrayBuffer>>();

  /** Takes a tensor for a weight, under the file's name of it where that is no usual one. Throws Problem WEIGHTS_MISMATCH or NON_FINITE_WEIGHTS. */
  add(layer: Layer, spec: WeightSpec, { shape, data, dtype, narrow }: StoredTensor, name: string | null): void {
    const key = weightKey(layer, spec.name);
    this.weights.set(key, { shape, data: floats(data, dtype, layer, spec) });
    if (name !== null) this.names.set(key, name);
    if (narrow) this.#narrow.set(key, narrow);
    if (data instanceof Float64Array) this.#doubles.set(key, data);
  }

  source(format: ModelFormat): Source {
    return { format, names: this.names, narrow: this.#narrow, doubles: this.#doubles };
  }
}

function floats(data: TypedArray, dtype: string, { name: layer }: Layer, { name: weight, stored }: WeightSpec): Float32Array<ArrayBuffer> {
  if (stored === 'int64' && (data instanceof BigInt64Array || data instanceof Int32Array)) return Float32Array.from(data, Number);
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) {
    throw new Problem(
      'WEIGHTS_MISMATCH',
      `Layer ${layer}: ${weight} is stored as ${dtype}; floating-point numbers are needed (models that Keras has quantised are not read).`,
    );
  }
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  const at = notFinite(values);
  if (at >= 0) throw new Problem('NON_FINITE_WEIGHTS', `Layer ${layer}: ${weight} holds ${data[at]} at index ${at}.`);
  return values;
}

/** The first index of a number that is not finite, or -1. */
function notFinite(values: Float32Array): number {
  let at = 0;
  while (at < values.length && Number.isFinite(values[at])) at++;
  return at < values.length ? at : -1;
}

/** A weight as HDF5 files hold it. `key` is the weight's; `halves` are the types of two bytes that the format knows. */
export function stored(
  { shape, data }: Weight,
  spec: WeightSpec,
  key: string,
  source: Source,
  halves: readonly HalfPrecision[],
): Omit<Hdf5Dataset, 'path'> {
  if (spec.stored === 'int64') return { shape: [...shape], dtype: '<q', data: BigInt64Array.from(data, BigInt) };
  const doubles = storedDoubles(data, source.doubles.get(key));
  const narrow = source.narrow.get(key);
  return {
    shape: [...shape],
    dtype: doubles ? '<d' : '<f',
    data: doubles ?? data,
    ...(narrow && halves.includes(narrow) ? { narrow } : {}),
  };
}

/**
 * A weight that its file held as float64, as such: the file's own numbers where they still round to all of the weight's, else the weight's. Null for one that
 * the file held otherwise.
 */
export function storedDoubles(data: Float32Array, held: Float64Array<ArrayBuffer> | undefined): Float64Array<ArrayBuffer> | null {
  if (!held) return null;
  const isSame = held.length === data.length && data.every((value, index) => value === Math.fround(held[index]!));
  return isSame ? held : Float64Array.from(data);
}
