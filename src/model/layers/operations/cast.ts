import { coupleUnfollowed } from '../arithmetic.ts';
import type { LayerClass, Options } from '../layer-class.ts';
import { through } from '../through.ts';

/** What a type's numbers become here: float32 for all but flags. */
export function castKind(options: Options): 'float' | 'whole' | 'bool' | null {
  const dtype = String(options.dtype ?? 'float32');
  if (/^(float(16|32|64)|bfloat16)$/.test(dtype)) return 'float';
  if (/^u?int(8|16|32|64)$/.test(dtype)) return 'whole';
  return dtype === 'bool' ? 'bool' : null;
}

/** `cast` to floating point (as it is), whole numbers (towards 0) or flags. */
export const cast: LayerClass = {
  ...through,
  callTensors: ['x'],
  refuse: (options) =>
    castKind(options) === null ? { option: 'dtype', received: options.dtype, accepted: 'floating point, whole numbers, bool' } : null,
  // Keras hands a tensor of that type on as it is, with its mask.
  mask: (options) => (castKind(options) === 'float' ? 'first' : null),
  keepsValues: (options) => castKind(options) === 'float',
  couple: (options, coupling) =>
    castKind(options) === 'float' ? coupling.inputs[0]! : coupleUnfollowed(coupling, 'a cast to another kind of number'),
};
