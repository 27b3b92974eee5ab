import { assembly, type BatchOptions, type BatchSource, type RowForm } from './batch-source.ts';
import { epochOrder } from './epoch-order.ts';
import type { RowFile } from './stored-file.ts';

/** Batches of a training split that is held in memory, in `epochOrder`. `samples` are its numbers in the stored files. */
export function heldBatches(
  form: RowForm,
  files: { x: RowFile; y: RowFile | null; w: RowFile | null },
  samples: Uint32Array,
  { seed, batchSize }: BatchOptions,
): BatchSource {
  const stepsPerEpoch = Math.ceil(samples.length / batchSize);
  const target = assembly(form, batchSize);
  let order = new Uint32Array(0);
  let orderOf = -1;
  const rowsOf = (step: number): Uint32Array => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (epoch !== orderOf) {
      order = epochOrder(seed, epoch, samples.length).map((position) => samples[position]!) as Uint32Array<ArrayBuffer>;
      orderOf = epoch;
    }
    const from = (step % stepsPerEpoch) * batchSize;
    return order.subarray(from, from + batchSize);
  };
  return {
    streamed: false,
    stepsPerEpoch,
    rows: (step) => Int32Array.from(rowsOf(step)),
    batch(step) {
      const chosen = rowsOf(step);
      files.x.gather(chosen, target.x);
      files.y?.gather(chosen, target.y);
      files.w?.gather(chosen, target.w);
      return target.finished(chosen.length);
    },
    close: () => {},
  };
}
