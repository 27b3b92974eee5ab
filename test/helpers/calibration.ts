/** What statistics for pruning are taken on, of a document and a few samples. */
import { onTestFinished } from 'vitest';
import type { Dataset } from '../../src/dataset/batches.ts';
import { lossOf } from '../../src/engine/losses.ts';
import type { Calibration } from '../../src/engine/pruning/statistics/calibration.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { ModelDocument } from '../../src/model/document.ts';

/** Three batches of eight under the mean squared error; the weights are disposed when the test has finished. */
export function calibrationOn(document: ModelDocument, data: Dataset, seed: number, changes: Partial<Calibration> = {}): Calibration {
  const weights = Variables.from(document.weights);
  onTestFinished(() => weights.dispose());
  return {
    graph: document.graph,
    weights,
    loss: lossOf('mean_squared_error', { label_smoothing: 0, huber_delta: 1 }),
    data,
    seed,
    batches: 3,
    batchSize: 8,
    cancelled: () => {},
    movement: new Map(),
    ...changes,
  };
}
