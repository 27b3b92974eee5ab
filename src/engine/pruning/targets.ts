/** The target of a job: what its cuts count in, what is put right once all is trained, and whether it was met. */
import { Problem } from '../../errors.ts';
import { makesZeros, measureOf, type PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { kernelsToCut } from '../../pruning/candidates.ts';
import { type FileLimit, sparsityForBytes, sparsityForParameters, trimmedToBytes } from '../../pruning/sparsity-target.ts';
import { type TargetReport, targetReport } from '../../pruning/target-report.ts';
import type { Receipt } from '../../report/receipt.ts';
import { outputFormats } from '../output-formats.ts';

/** The specification as its cuts run it: cuts of single weights count zeros, whatever the target counts. Throws Problem TARGET_OUT_OF_REACH. */
export async function withCountedTarget(spec: PruneSpec, original: ModelDocument): Promise<PruneSpec> {
  const { measure, value } = measureOf(spec.pruning.target);
  if (!makesZeros(spec.pruning.structure) || measure === 'sparsity') return spec;
  const { kernels } = kernelsToCut(original.graph, spec.pruning);
  const sparsity =
    measure === 'parameters'
      ? sparsityForParameters(original.graph, kernels, value)
      : await sparsityForBytes(original, spec.pruning, await fileLimit(spec, original, value));
  if (sparsity === null) {
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `${value} of the file's bytes are asked for; with one weight left in every output unit more are needed. Exclude fewer layers, or remove channels.`,
    );
  }
  return { ...spec, pruning: { ...spec.pruning, target: { sparsity: Math.max(0, sparsity) } } };
}

/** The trained model, with zeros added where its file is larger than the target allows. */
export async function asTargeted(spec: PruneSpec, original: ModelDocument, result: ModelDocument): Promise<ModelDocument> {
  const { pruning } = spec;
  const { measure, value } = measureOf(pruning.target);
  if (!makesZeros(pruning.structure) || measure !== 'bytes') return result;
  return trimmedToBytes(result, pruning, await fileLimit(spec, original, value));
}

async function fileLimit(spec: PruneSpec, original: ModelDocument, kept: number): Promise<FileLimit> {
  const [format] = outputFormats(spec, original);
  return { bytes: kept * (await fileBytes(original, format)), format };
}

/** Throws Problem TARGET_OUT_OF_REACH where a sparsity, which can always be met exactly, was not. */
export function reportedTarget(spec: PruneSpec, original: ModelDocument, result: ModelDocument, receipt: Receipt): TargetReport {
  const timed = receipt.latency.find(({ batch_size }) => batch_size === spec.evaluation.latency_batch_size);
  const report = targetReport(spec.pruning, original, result, {
    bytes: { original: receipt.original.file_bytes, result: receipt.result.file_bytes },
    latency: timed ? { ...timed.ratio, batch_size: timed.batch_size } : null,
  });
  if (!report.met && 'sparsity' in report.requested) {
    throw new Problem(
      'TARGET_OUT_OF_REACH',
      `The sparsity reached is ${report.achieved.sparsity}; ${report.requested.sparsity} was asked for.`,
    );
  }
  return report;
}
