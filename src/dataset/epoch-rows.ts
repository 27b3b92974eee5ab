import type { BatchOptions } from './batch-source.ts';
import { epochOrder } from './epoch-order.ts';

export interface EpochRows {
  stepsPerEpoch: number;
  /** Of a step's batch, counted from 0 over all epochs; a view that is good until another epoch is asked for. */
  rows(step: number): Uint32Array;
}

/** The rows of batches that visit `size` positions in `epochOrder`; `rowsOf` says which row an epoch has at each of these positions. */
export function epochRows(
  { seed, batchSize }: BatchOptions,
  size: number,
  rowsOf: (positions: Uint32Array, epoch: number) => Uint32Array,
): EpochRows {
  const stepsPerEpoch = Math.ceil(size / batchSize);
  let order: Uint32Array = new Uint32Array(0);
  let orderOf = -1;
  return {
    stepsPerEpoch,
    rows(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (epoch !== orderOf) {
        order = rowsOf(epochOrder(seed, epoch, size), epoch);
        orderOf = epoch;
      }
      const from = (step % stepsPerEpoch) * batchSize;
      return order.subarray(from, from + batchSize);
    },
  };
}
