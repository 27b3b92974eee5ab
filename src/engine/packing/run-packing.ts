/** The end of a job whose weights are packed: fewer values, or whole numbers, and the training in which they settle. */

import { Problem } from '../../errors.ts';
import type { Packing } from '../../jobs/spec/index.ts';
import { type ModelDocument, type Weights, withWeights } from '../../model/document.ts';
import type { ModelFormat } from '../../model/facts.ts';
import { gridSteps, onGrids } from '../../packing/grid.ts';
import type { TunedCoding } from '../../packing/kernel-coding.ts';
import { sharedValues, weightsOf } from '../../packing/shared-values.ts';
import { asMatrix, matrixOrder, type PrunableKernel, prunableKernels, unitCount } from '../../pruning/kernels.ts';
import { countZeros, zeroMasks } from '../../pruning/masks.ts';
import { fileSizes } from '../../report/file-sizes.ts';
import type { Quality } from '../../report/scores.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { clustersForBytes } from './cluster-counts.ts';
import { runRate } from './run-rate.ts';
import { weightImportance } from './weight-importance.ts';

const LARGEST = { int8: 127, int4: 7 } as const;

export interface PackingContext {
  packing: Packing;
  run: TrainingRun;
  parts: TrainingRunParts;
  /** In which files are measured. */
  format: ModelFormat;
  /** What the selection split shows of a document; null where there is none. */
  measure(document: ModelDocument): Quality | null;
  /** At a rate: by weight, the steps that the document was trained at before; left out where it was not. */
  steps?: ReadonlyMap<string, number>;
}

/** Packs what the training left, where that is not done yet, and tunes it. Throws Problem TARGET_OUT_OF_REACH. */
export async function runPacking(context: PackingContext): Promise<void> {
  const { run, parts, packing, format, measure } = context;
  if (packing.rate) return runRate(context, packing.rate);
  if (run.state.packed === null) {
    parts.reporter.enter('packing', run.state.step);
    const document = run.result();
    const kernels = prunableKernels(document.graph, packing.layers).filter(({ key }) =>
      document.weights.get(key)!.data.some((value) => value !== 0),
    );
    const codings = await codingsOf(document, kernels, context);
    const packed = packedDocument(document, codings);
    const { clusters, quantization } = packing;
    const step = run.state.step;
    run.pack(clusters === null ? document : packed, codings, zeroMasks(kernels, document.weights), {
      step,
      method: clusters === null ? quantization : 'clusters',
      kernels: kernels.map(({ key }) => kernelReport(key, codings.get(key), document, packed)),
      before: { ...(await fileSizes(document, format)), selection: measure(document) },
      packed: { selection: measure(packed) },
    });
  }
  parts.reporter.enter('training', run.state.step);
  run.train(run.state.packed!.end);
}

async function codingsOf(
  document: ModelDocument,
  kernels: readonly PrunableKernel[],
  context: PackingContext,
): Promise<Map<string, TunedCoding>> {
  const { packing, run, parts, format } = context;
  const { clusters, quantization, layers, max_bytes: limit, calibration_samples: samples } = packing;
  const weights = (key: string): Float32Array => document.weights.get(key)!.data;
  if (clusters !== null) {
    const fixed = new Map(
      kernels.flatMap(({ key, layer }) => {
        const own = layers.overrides[layer]?.clusters;
        return own === undefined ? [] : [[key, own] as const];
      }),
    );
    const shared = (counts: ReadonlyMap<string, number>) =>
      new Map([...counts].map(([key, count]) => [key, sharedValues(weights(key), count)] as const));
    let counts: ReadonlyMap<string, number> | null;
    if (clusters === 'auto') {
      const budget = { bytes: limit!, format, importance: weightImportance(document, kernels, samples, run, parts) };
      const withClusters = (chosen: ReadonlyMap<string, number>): ModelDocument =>
        withNumbers(document, new Map([...shared(chosen)].map(([key, made]) => [key, weightsOf(made)])));
      counts = await clustersForBytes(document, kernels, fixed, budget, withClusters);
      if (counts === null) {
        throw new Problem(
          'TARGET_OUT_OF_REACH',
          `With two values for each kernel the ${format} file still has more than ${limit} bytes. Fewer weights, or a larger max_bytes, are needed.`,
        );
      }
    } else counts = new Map(kernels.map(({ key }) => [key, fixed.get(key) ?? clusters]));
    return new Map([...shared(counts)].map(([key, { values, places }]) => [key, { kind: 'shared', count: values.length, places, values }]));
  }
  if (quantization === null) return new Map();
  const largest = LARGEST[quantization];
  const importance = weightImportance(document, kernels, samples, run, parts);
  return new Map(
    kernels.map((kernel) => {
      const order = matrixOrder(kernel);
      const steps = gridSteps(
        asMatrix(weights(kernel.key), order),
        asMatrix(importance.get(kernel.key)!, order),
        unitCount(kernel),
        largest,
      );
      const shape = kernel.shape.map((length, axis) => (kernel.inputAxes.includes(axis) ? 1 : length));
      return [kernel.key, { kind: 'grid', largest, steps: { shape, data: steps } }];
    }),
  );
}

/** The document with the numbers that its codings have. */
function packedDocument(document: ModelDocument, codings: ReadonlyMap<string, TunedCoding>): ModelDocument {
  const numbers = [...codings].map(([key, coding]): [string, Float32Array<ArrayBuffer>] => {
    const { shape, data } = document.weights.get(key)!;
    return [key, coding.kind === 'shared' ? weightsOf(coding) : onGrids(data, shape, coding.steps, coding.largest)];
  });
  return withNumbers(document, new Map(numbers));
}

function withNumbers(document: ModelDocument, numbers: ReadonlyMap<string, Float32Array<ArrayBuffer>>): ModelDocument {
  const weights: Weights = new Map(document.weights);
  for (const [key, data] of numbers) weights.set(key, { shape: document.weights.get(key)!.shape, data });
  return withWeights(document, weights);
}

/** Of a kernel: how many values it has now, and ‖w - ŵ‖ / ‖w‖. */
function kernelReport(key: string, coding: TunedCoding | undefined, before: ModelDocument, after: ModelDocument): Record<string, unknown> {
  const [was, is] = [before, after].map(({ weights }) => weights.get(key)!.data) as [Float32Array, Float32Array];
  let [square, change] = [0, 0];
  for (const [index, value] of was.entries()) {
    square += value * value;
    change += (value - is[index]!) ** 2;
  }
  return {
    kernel: key,
    ...(coding?.kind === 'shared' ? { clusters: coding.count } : {}),
    ...(coding?.kind === 'grid' ? { largest: coding.largest } : {}),
    zeros: countZeros(is),
    relative_change: Math.sqrt(change / square),
  };
}
