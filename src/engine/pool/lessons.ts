import type { HeldArrays } from '../../dataset/batches.ts';
import { size } from '../../model/layers/index.ts';
import { type Teacher, taught } from '../distillation.ts';
import type { Loss } from '../losses.ts';
import { scope } from '../scope.ts';
import { type BatchFormat, decoded, rawTensor } from '../step/batch-format.ts';
import { gathered } from './training-pool.ts';

/** What a teacher says of samples. */
export interface Lessons {
  /** [samples, ...shape], 0 where nobody asked. */
  values: Float32Array<ArrayBuffer>;
  /** Of one sample. */
  shape: readonly number[];
}

/** The teacher's outputs (logits where the loss takes them) for these rows, `atOnce` at a time. `cancelled` is called between batches and may throw. */
export function lessonsOf(
  teacher: Teacher,
  loss: Loss,
  held: HeldArrays,
  rows: Uint32Array,
  format: BatchFormat,
  atOnce: number,
  cancelled: () => void,
): Lessons {
  const width = size(format.stored);
  const shape = teacher.graph.outputs[0]!.shape as number[];
  const each = size(shape);
  const values = new Float32Array((held.x.length / width) * each);
  for (let from = 0; from < rows.length; from += atOnce) {
    cancelled();
    const asked = rows.subarray(from, from + atOnce);
    scope(() => {
      const raw = rawTensor(gathered(held.x, asked, width), [asked.length, ...format.stored], format.storedType);
      const said = taught(teacher, decoded(format, raw), loss).output.dataSync<'float32'>();
      for (const [at, row] of asked.entries()) values.set(said.subarray(at * each, (at + 1) * each), row * each);
    });
  }
  return { values, shape };
}
