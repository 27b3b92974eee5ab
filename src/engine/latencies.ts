import type { Dataset } from '../dataset/batches.ts';
import type { ModelDocument } from '../model/document.ts';
import type { LatencyComparison } from '../report/latency.ts';
import { measureLatency } from './latency.ts';
import { probeInputs } from './probe-inputs.ts';

/** The batch sizes at which latency is compared: single samples, and the size that was asked for. */
export function latencyBatchSizes({ latency_batch_size }: { latency_batch_size: number }): number[] {
  return [...new Set([1, latency_batch_size])];
}

/** Two models timed in turn at each of these batch sizes, on samples of the data set. `cancelled` is called before each and may throw. */
export function measureLatencies(
  original: ModelDocument,
  result: ModelDocument,
  data: Dataset,
  batchSizes: readonly number[],
  seed: number,
  cancelled: () => void,
): LatencyComparison[] {
  return batchSizes.map((batchSize) => {
    cancelled();
    const inputs = probeInputs(data, original, batchSize);
    try {
      return measureLatency(original, result, inputs, seed);
    } finally {
      inputs.dispose();
    }
  });
}
