import { flag, run, typed } from './raw-ops.ts';
import { scope } from './scope.ts';
import { tf } from './tensorflow.ts';

/** The thin singular value decomposition of a matrix [rows, columns]: U [rows, k], the values [k], descending, and V [columns, k], k the smaller side. */
export function singularValues(
  matrix: Float32Array,
  [rows, columns]: readonly [number, number],
): { left: Float32Array; values: Float32Array; right: Float32Array } {
  return scope(() => {
    const [values, left, right] = run(
      'Svd',
      [typed('T'), flag('compute_uv', true), flag('full_matrices', false)],
      [tf.tensor2d(matrix, [rows, columns])],
      3,
    );
    return {
      left: left!.dataSync<'float32'>().slice(),
      values: values!.dataSync<'float32'>().slice(),
      right: right!.dataSync<'float32'>().slice(),
    };
  });
}
