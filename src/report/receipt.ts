/** The receipt: the original beside the result, and what may be claimed of them. */
import { callMacs, parameterCount, totalMacs } from '../model/costs.ts';
import type { ModelDocument } from '../model/document.ts';
import type { OutputFormat } from '../model/facts.ts';
import { fileBytes, isWritable, writeModel } from '../model/formats/index.ts';
import { weightKey } from '../model/graph.ts';
import { layerClass, size } from '../model/layers/index.ts';
import { type FileSizes, fileSizes } from './file-sizes.ts';
import type { LatencyComparison } from './latency.ts';
import { isNeverRight } from './right-decisions.ts';
import { compareScores, type PairedComparison, type Quality, quality, type SampleScores } from './scores.ts';

export type Verdict = 'proven' | 'not_proven' | 'refuted';

export interface Claim {
  verdict: Verdict;
  reason: string;
  detail: string;
}

/** Files are of the result's first format. */
export interface SideCosts extends FileSizes {
  parameters: number;
  /** Kernel weights that are exactly zero, and their fraction. */
  zeros: number;
  sparsity: number;
  macs: number;
  /** The `.esp` file; null where nobody asked for one, nor for small numbers. */
  esp_bytes: number | null;
}

export interface LayerCosts {
  name: string;
  class_name: string;
  original: { units: number | null; parameters: number; macs: number; zeros: number };
  result: { units: number | null; parameters: number; macs: number; zeros: number };
}

export interface Receipt {
  original: SideCosts & { uploaded_bytes: number; test: Quality | null };
  result: SideCosts & { exported_bytes: number; files: { format: OutputFormat; bytes: number }[]; test: Quality | null };
  layers: LayerCosts[];
  comparison: PairedComparison | null;
  latency: LatencyComparison[];
  claims: { smaller: Claim; faster: Claim; as_accurate: Claim };
}

export interface ReceiptParts {
  original: ModelDocument;
  result: ModelDocument;
  uploadedBytes: number;
  /** In which the result is written; files are measured in the first. */
  formats: readonly OutputFormat[];
  /** Whether the `.esp` files are measured as well. */
  smallest: boolean;
  /** On the test split; null where the data set has none. */
  scores: { original: SampleScores; result: SampleScores } | null;
  /** Whether the caller named the test samples; a split drawn by the service may have been seen in training. */
  testGiven: boolean;
  latency: LatencyComparison[];
  seed: number;
  /** How much accuracy may go (in fractions) for the result to be as accurate. */
  maxAccuracyDrop: number;
}

/** A result in one of its formats, with the optimizer's state where the document has it and the format keeps it. */
export interface WrittenModel {
  format: OutputFormat;
  bytes: Uint8Array;
}

/** The receipt, and the result in each of its formats. */
export async function makeReceipt(parts: ReceiptParts): Promise<{ receipt: Receipt; files: WrittenModel[] }> {
  const { original, result, scores } = parts;
  const files: WrittenModel[] = [];
  for (const format of parts.formats) files.push({ format, bytes: await writeModel(result, format) });
  const { format, bytes: file } = files[0]!;
  const before = await costs(original, parts, format);
  const after = await costs(result, parts, format, result.optimizer ? undefined : file);
  const comparison = scores ? compareScores(scores.original, scores.result, parts.seed) : null;
  return {
    files,
    receipt: {
      original: { ...before, uploaded_bytes: parts.uploadedBytes, test: scores ? quality(scores.original) : null },
      result: {
        ...after,
        exported_bytes: file.length,
        files: files.map(({ format, bytes }) => ({ format, bytes: bytes.length })),
        test: scores ? quality(scores.result) : null,
      },
      layers: layerCosts(original, result),
      comparison,
      latency: parts.latency,
      claims: {
        smaller: smaller(before, after),
        faster: faster(before, after, parts.latency),
        as_accurate: asAccurate(comparison, parts),
      },
    },
  };
}

async function costs(document: ModelDocument, { smallest }: ReceiptParts, format: OutputFormat, file?: Uint8Array): Promise<SideCosts> {
  let kernels = 0;
  let zeros = 0;
  for (const layer of document.graph.layers) {
    for (const spec of layer.weights.filter((weight) => weight.role === 'kernel')) {
      const { data } = document.weights.get(weightKey(layer, spec.name))!;
      kernels += data.length;
      zeros += countZeros(data);
    }
  }
  return {
    parameters: parameterCount(document.graph).total,
    zeros,
    sparsity: kernels === 0 ? 0 : zeros / kernels,
    macs: totalMacs(document.graph),
    ...(await fileSizes(document, format, file)),
    esp_bytes: smallest && isWritable(document, 'esp') ? await fileBytes(document, 'esp') : null,
  };
}

function countZeros(data: Float32Array): number {
  let zeros = 0;
  for (const value of data) if (value === 0) zeros++;
  return zeros;
}

function layerCosts(original: ModelDocument, result: ModelDocument): LayerCosts[] {
  const side = (document: ModelDocument, name: string): LayerCosts['original'] => {
    const layer = document.graph.layers.find((candidate) => candidate.name === name);
    // Removed with its block, or there only since its kernel is two.
    if (!layer) return { units: null, parameters: 0, macs: 0, zeros: 0 };
    const macs = callMacs(document.graph).filter(({ call }) => call.layer === layer);
    const kernel = layer.weights.find((weight) => weight.role === 'kernel');
    return {
      units: kernel?.axes ? kernel.shape[kernel.axes.output]! : null,
      parameters: layer.weights.reduce((sum, weight) => sum + size(weight.shape), 0),
      macs: macs.reduce((sum, cost) => sum + cost.macs, 0),
      zeros: layer.weights
        .filter((weight) => weight.role === 'kernel')
        .reduce((sum, weight) => sum + countZeros(document.weights.get(weightKey(layer, weight.name))!.data), 0),
    };
  };
  const known = new Set(original.graph.layers.map(({ name }) => name));
  return [...original.graph.layers, ...result.graph.layers.filter(({ name }) => !known.has(name))]
    .filter((layer) => layer.weights.length > 0 || layerClass(layer.className).macs)
    .map((layer) => ({
      name: layer.name,
      class_name: layer.className,
      original: side(original, layer.name),
      result: side(result, layer.name),
    }));
}

function smaller(before: SideCosts, after: SideCosts): Claim {
  const ratio = (before.file_bytes / after.file_bytes).toFixed(2);
  const detail = `${before.file_bytes} bytes became ${after.file_bytes} (${ratio}x), both written alike and without optimizer state; ${before.parameters} parameters became ${after.parameters}.`;
  if (after.file_bytes >= before.file_bytes) {
    return { verdict: after.file_bytes > before.file_bytes ? 'refuted' : 'not_proven', reason: 'FILE_NOT_SMALLER', detail };
  }
  if (after.parameters < before.parameters) return { verdict: 'proven', reason: 'FEWER_PARAMETERS', detail };
  return {
    verdict: 'proven',
    reason: 'COMPRESSES_BETTER',
    detail: `${detail} Only the file is smaller: in memory every zero takes its four bytes.`,
  };
}

/** Two models of the same shapes differ by this much between runs: a result is called slower only beyond it. */
const TIMING_MARGIN = 0.02;

function faster(before: SideCosts, after: SideCosts, latency: readonly LatencyComparison[]): Claim {
  const detail = latency
    .map(
      ({ batch_size: batch, ratio }) =>
        `batch ${batch}: ${ratio.value.toFixed(3)} of the time (${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)})`,
    )
    .join('; ');
  if (latency.length === 0) return { verdict: 'not_proven', reason: 'NOT_MEASURED', detail: 'Latency was not measured.' };
  if (latency.some(({ ratio }) => ratio.low > 1 + TIMING_MARGIN)) return { verdict: 'refuted', reason: 'SLOWER', detail };
  if (after.macs === before.macs) {
    const reason = after.zeros > before.zeros ? 'ONLY_ZEROS' : 'SAME_SHAPES';
    return { verdict: 'not_proven', reason, detail: `The shapes are the same and no stock runtime skips zeros. ${detail}` };
  }
  return latency.every(({ ratio }) => ratio.high < 1)
    ? { verdict: 'proven', reason: 'MEASURED', detail }
    : { verdict: 'not_proven', reason: 'WITHIN_NOISE', detail };
}

function asAccurate(comparison: PairedComparison | null, { scores, testGiven, maxAccuracyDrop }: ReceiptParts): Claim {
  if (!comparison || !scores) return { verdict: 'not_proven', reason: 'NO_TEST_SPLIT', detail: 'The data set has no test split.' };
  const { difference, measure } = comparison;
  const points = (value: number): string => `${(value * 100).toFixed(2)} points`;
  const detail =
    measure === 'accuracy'
      ? `The accuracy moved by ${points(difference.value)} (95 % paired interval ${points(difference.low)} to ${points(difference.high)}); ${points(-maxAccuracyDrop)} is allowed.`
      : `The loss moved by ${difference.value.toPrecision(3)} (95 % paired interval ${difference.low.toPrecision(3)} to ${difference.high.toPrecision(3)}).`;
  const worse = measure === 'accuracy' ? difference.high < -maxAccuracyDrop : difference.low > 0;
  if (worse) return { verdict: 'refuted', reason: 'WORSE', detail };
  if (measure === 'accuracy' && isNeverRight(scores.original)) {
    return {
      verdict: 'not_proven',
      reason: 'ORIGINAL_NEVER_RIGHT',
      detail: `${detail} The original gets no decision on the test split right: it has no accuracy that could be lost.`,
    };
  }
  if (!testGiven) {
    return {
      verdict: 'not_proven',
      reason: 'TEST_MAY_HAVE_BEEN_SEEN',
      detail: `${detail} The test split was drawn by the service: the uploaded model may have been trained on it.`,
    };
  }
  const holds = measure === 'accuracy' ? difference.low >= -maxAccuracyDrop : difference.high <= 0;
  return holds ? { verdict: 'proven', reason: 'MEASURED', detail } : { verdict: 'not_proven', reason: 'WITHIN_NOISE', detail };
}
