/** Seeded batches of the training split that statistics for pruning are taken on. Normalisation keeps its running statistics, and nothing is dropped. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Dataset, epochOrder } from '../../../dataset/batches.ts';
import type { Weights } from '../../../model/document.ts';
import type { Graph, TensorId } from '../../../model/graph.ts';
import { type Batch, makeBatch } from '../../batch.ts';
import { CapturedFunctions } from '../../graph/captured-functions.ts';
import { type Loss, meanLoss } from '../../losses.ts';
import { forward } from '../../network.ts';
import { run, typed } from '../../raw-ops.ts';
import { scope } from '../../scope.ts';
import { tf } from '../../tensorflow.ts';
import type { Variables } from '../../variables.ts';

export interface Calibration {
  graph: Graph;
  weights: Variables;
  loss: Loss;
  data: Dataset;
  seed: number;
  batches: number;
  batchSize: number;
  /** Called before each batch; throws where the job is cancelled. */
  cancelled: () => void;
  /** The scores that training has kept, by weight key; empty where nobody asked. */
  movement: Weights;
}

/** Gives each batch to `work` and disposes it. */
function forEachBatch(calibration: Calibration, work: (batch: Batch) => void): void {
  const { data, seed, batches, batchSize, graph, cancelled } = calibration;
  const size = data.split('train').size;
  // A stream of its own: training's first batches are others.
  const order = epochOrder(seed, -1, size);
  for (let index = 0; index < batches && index * batchSize < size; index++) {
    cancelled();
    const batch = makeBatch(data, graph, 'train', order.subarray(index * batchSize, (index + 1) * batchSize));
    work(batch);
    tf.dispose([batch.x, batch.y]);
  }
}

/** Whole batches from which on a graph is recorded; of fewer, operations one by one are done sooner. */
const WORTH_RECORDING = 6;

/**
 * Gives what `made` makes of each batch, with the weights by key, to `work`, with the number of samples; both dispose nothing. Of many batches it is recorded
 * once, and then one call of TensorFlow each: `made` must make the same operations of every whole batch, and read no numbers.
 */
export function overBatches(
  calibration: Calibration,
  made: (values: ReadonlyMap<string, Tensor>, batch: Batch) => Tensor[],
  work: (tensors: Tensor[], samples: number) => void,
): void {
  const { data, batches, batchSize, weights } = calibration;
  const eagerly = (batch: Batch): Tensor[] => scope(() => made(readAll(calibration), batch));
  const isRecorded = Math.min(batches, Math.floor(data.split('train').size / batchSize)) >= WORTH_RECORDING;
  let recorded: CapturedFunctions<'batch'> | null = null;
  try {
    forEachBatch(calibration, (batch) => {
      const samples = batch.x.shape[0]!;
      let tensors: Tensor[];
      if (isRecorded && samples === batchSize) {
        const inputs = [batch.x, batch.y].map(({ shape, dtype }) => ({ shape, dtype: dtype as 'float32' | 'int32' }));
        const asBatch = ([x, y]: Tensor[]): Tensor[] => eagerly({ x: x!, y: y! });
        recorded ??= new CapturedFunctions({ batch: { inputs, run: asBatch } }, weights);
        const owned = [batch.x, batch.y].map((values) => run('DeepCopy', [typed('T')], [values], 1)[0]!);
        tensors = recorded.call('batch', owned);
        tf.dispose(owned);
      } else tensors = eagerly(batch);
      try {
        work(tensors, samples);
      } finally {
        tf.dispose(tensors);
      }
    });
  } finally {
    (recorded as CapturedFunctions<'batch'> | null)?.dispose();
  }
}

/** Every weight as a tensor, by key. Call inside a scope. */
function readAll({ weights }: Pick<Calibration, 'weights'>): Map<string, Tensor> {
  return new Map(weights.keys().map((key) => [key, weights.read(key)]));
}

/** The gradients of the mean loss of a batch with respect to `wanted`, zeros where it does not depend on one. Call inside a scope. */
export function lossGradients(
  { graph, loss }: Pick<Calibration, 'graph' | 'loss'>,
  values: ReadonlyMap<string, Tensor>,
  batch: Batch,
  wanted: Tensor[],
  tap?: (tensor: TensorId, value: Tensor) => Tensor,
): Tensor[] {
  const { grads } = tf.engine().gradients(() => {
    const [output] = forward(graph, (key) => values.get(key)!, [batch.x], {
      training: false,
      logits: loss.onLogits,
      ...(tap ? { tap } : {}),
    });
    return meanLoss(loss, output!, batch.y, null) as Scalar;
  }, wanted);
  return grads.map((gradient, index) => gradient ?? tf.zerosLike(wanted[index]!));
}

/** The values of the tensors wanted for a batch, inputs of the model among them. Call inside a scope. */
export function tensorValues(
  { graph }: Pick<Calibration, 'graph'>,
  values: ReadonlyMap<string, Tensor>,
  batch: Batch,
  wanted: ReadonlySet<TensorId>,
): Map<TensorId, Tensor> {
  const found = new Map<TensorId, Tensor>();
  for (const { tensor } of graph.inputs) if (wanted.has(tensor)) found.set(tensor, batch.x);
  forward(graph, (key) => values.get(key)!, [batch.x], {
    training: false,
    tap: (tensor, value) => {
      if (wanted.has(tensor)) found.set(tensor, value);
      return value;
    },
  });
  return found;
}
