/** Numbers of a file as a layer's weights. */
import { Problem } from '../../errors.ts';
import type { Weight } from '../document.ts';
import type { Layer } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';
import type { Hdf5Dataset, TypedArray } from './hdf5.ts';

/** The weight that a data set holds. Throws Problem WEIGHTS_MISMATCH or NON_FINITE_WEIGHTS. */
export function readWeight({ shape, data, dtype }: Pick<Hdf5Dataset, 'shape' | 'data' | 'dtype'>, layer: Layer, spec: WeightSpec): Weight {
  return { shape, data: floats(data, dtype, layer, spec) };
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
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new Problem('NON_FINITE_WEIGHTS', `Layer ${layer}: ${weight} holds ${values[at]} at index ${at}.`);
  return values;
}

/** A weight as HDF5 files hold it. */
export function stored({ shape, data }: Weight, spec: WeightSpec): Pick<Hdf5Dataset, 'shape' | 'dtype' | 'data'> {
  const whole = spec.stored === 'int64';
  return { shape: [...shape], dtype: whole ? '<q' : '<f', data: whole ? BigInt64Array.from(data, BigInt) : data };
}
