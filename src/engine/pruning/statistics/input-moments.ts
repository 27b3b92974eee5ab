/** Norms of the inputs of kernels, and their products with each other. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { type Call, type Graph, weightKey } from '../../../model/graph.ts';
import type { InputNorms, InverseHessian } from '../../../pruning/criteria/index.ts';
import { inputCount, type PrunableKernel } from '../../../pruning/kernels.ts';
import { flag, run, typed } from '../../raw-ops.ts';
import { scope } from '../../scope.ts';
import { tf } from '../../tensorflow.ts';
import { type Calibration, overBatches, tensorValues } from './calibration.ts';
import { forEachInputs } from './kernel-inputs.ts';

/** Numbers of products that are held at once; with more there are several passes over the batches. */
const MOST_NUMBERS = 2 ** 26;

/** ‖X_j‖₂ of every input of each kernel over samples and positions of all batches. */
export function inputNorms(calibration: Calibration, kernels: readonly PrunableKernel[]): Map<string, InputNorms> {
  const sums = summed(calibration, kernels, (rows) => tf.sum(tf.square(rows), 1));
  return new Map(
    [...sums].map(([key, { total }]) => {
      const norms = { groups: total.shape[0]!, norms: tf.tidy(() => tf.sqrt(total).dataSync<'float32'>()) };
      total.dispose();
      return [key, norms];
    }),
  );
}

/**
 * Gives (1/n)·XᵀX of each kernel, float32 [groups, inputs, inputs] over n rows, to `work`, as many kernels a pass over the batches as fit into memory, and
 * disposes it.
 */
export function forEachProducts(
  calibration: Calibration,
  kernels: readonly PrunableKernel[],
  work: (kernel: PrunableKernel, products: Tensor) => void,
): void {
  let bundle: PrunableKernel[] = [];
  let numbers = 0;
  const pass = (): void => {
    const sums = summed(calibration, bundle, (rows) => tf.matMul(rows, rows, true));
    for (const kernel of bundle) {
      const { total, rows } = sums.get(kernel.key)!;
      const mean = tf.tidy(() => tf.div(total, rows));
      work(kernel, mean);
      tf.dispose([total, mean]);
    }
    bundle = [];
    numbers = 0;
  };
  for (const kernel of kernels) {
    const own = inputCount(kernel) ** 2 * (kernel.depthwise ? kernel.shape.at(-2)! : 1);
    if (bundle.length > 0 && numbers + own > MOST_NUMBERS) pass();
    bundle.push(kernel);
    numbers += own;
  }
  if (bundle.length > 0) pass();
}

/** The factor L of H⁻¹ = L·Lᵀ with H = (2/n)·XᵀX + 0.01·mean(diag)·I, H_jj = 1 of inputs that were always zero (Frantar 2023). */
export function inverseHessian(products: Tensor): InverseHessian {
  return scope(() => {
    const [groups, inputs] = products.shape as [number, number, number];
    const hessian = tf.mul(products, 2);
    const identity = tf.expandDims(tf.eye(inputs), 0);
    const diagonal = tf.sum(tf.mul(hessian, identity), 2);
    const dead = tf.cast(tf.equal(diagonal, 0), 'float32');
    const living = tf.add(diagonal, dead);
    const damping = tf.mul(tf.mean(living, 1, true), 0.01);
    const raised = tf.add(hessian, tf.mul(identity, tf.expandDims(tf.add(dead, damping), 2)));
    const inverse = run('MatrixInverse', [typed('T'), flag('adjoint', false)], [raised], 1)[0]!;
    // Rounding leaves an inverse that is not quite symmetric.
    const symmetric = tf.mul(tf.add(inverse, tf.transpose(inverse, [0, 2, 1])), 0.5);
    const factor = run('Cholesky', [typed('T')], [symmetric], 1)[0]!;
    return { groups, factor: factor.dataSync<'float32'>(), dead: Uint8Array.from(dead.dataSync<'float32'>()) };
  });
}

/** The sum of a term of the inputs of each kernel over all calls and batches, and the number of rows. The caller disposes the totals. */
function summed(calibration: Calibration, kernels: readonly PrunableKernel[], term: (rows: Tensor) => Tensor) {
  const uses = kernels.map((kernel) => ({ kernel, calls: callsOf(calibration.graph, kernel) }));
  const wanted = new Set(uses.flatMap(({ calls }) => calls.flatMap(({ inputs }) => inputs)));
  /** Of one batch. */
  const rowsOf = new Map<string, number>();
  const sums = new Map<string, { total: Tensor; rows: number }>();
  overBatches(
    calibration,
    (weights, batch) => {
      const tensors = tensorValues(calibration, weights, batch, wanted);
      return uses.map(({ kernel, calls }) => {
        const sum: { total: Tensor | null; rows: number } = { total: null, rows: 0 };
        for (const call of calls) {
          const given = call.inputs.map((tensor) => tensors.get(tensor)!);
          const weight = (name: string): Tensor => weights.get(weightKey(call.layer, name))!;
          forEachInputs(call, kernel, given, weight, (inputs) => {
            const own = term(inputs);
            const next = tf.keep(sum.total ? tf.add(sum.total, own) : own.clone());
            sum.total?.dispose();
            sum.total = next;
            sum.rows += inputs.shape[1]!;
          });
        }
        rowsOf.set(kernel.key, sum.rows);
        // What outlives the pieces of a batch is kept; what outlives the batch is its caller's.
        const made = sum.total!.clone();
        sum.total!.dispose();
        return made;
      });
    },
    (totals) => {
      for (const [index, { kernel }] of uses.entries()) {
        const before = sums.get(kernel.key);
        const total = before ? tf.add(before.total, totals[index]!) : totals[index]!.clone();
        before?.total.dispose();
        sums.set(kernel.key, { total, rows: (before?.rows ?? 0) + rowsOf.get(kernel.key)! });
      }
    },
  );
  return sums;
}

function callsOf(graph: Graph, kernel: PrunableKernel): Call[] {
  return graph.calls.filter((call) => call.layer.name === kernel.layer);
}
