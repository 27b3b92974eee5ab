import { assembly, type BatchOptions, type BatchSource, type RowForm } from './batch-source.ts';
import { epochRows } from './epoch-rows.ts';
import type { RowFile } from './stored-file.ts';

/** Batches of a training split that is held in memory, in `epochOrder`. `samples` are its numbers in the stored files. */
export function heldBatches(
  form: RowForm,
  files: { x: RowFile; y: RowFile | null; w: RowFile | null },
  samples: Uint32Array,
  options: BatchOptions,
): BatchSource {
  const { stepsPerEpoch, rows } = epochRows(options, samples.length, (positions) => positions.map((position) => samples[position]!));
  const target = assembly(form, options.batchSize);
  return {
    streamed: false,
    stepsPerEpoch,
    rows: (step) => Int32Array.from(rows(step)),
    batch(step) {
      const chosen = rows(step);
      files.x.gather(chosen, target.x);
      files.y?.gather(chosen, target.y);
      files.w?.gather(chosen, target.w);
      return target.finished(chosen.length);
    },
    close: () => {},
  };
}
