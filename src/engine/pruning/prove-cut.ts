/** The removal proof of one cut of a job, on inputs of its training split. */
import { epochOrder } from '../../dataset/batches.ts';
import { Problem } from '../../errors.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { ChannelMap } from '../../pruning/groups.ts';
import type { Removed } from '../../pruning/surgery.ts';
import { makeBatch } from '../batch.ts';
import { proveRemoval, type RemovalProof } from '../proof.ts';
import { tf } from '../tensorflow.ts';
import type { TrainingRunParts } from '../training-run.ts';

const PROOF_INPUTS = 64;

/** Throws Problem REMOVAL_NOT_EQUIVALENT where the smaller model is another network than the original with the removed units silenced. */
export function proveCut(
  document: ModelDocument,
  smaller: ModelDocument,
  map: ChannelMap,
  removed: Removed,
  parts: TrainingRunParts,
): RemovalProof {
  const positions = epochOrder(parts.seed, -2, parts.data.split('train').size).subarray(0, PROOF_INPUTS);
  const { x, y } = makeBatch(parts.data, document.graph, 'train', positions);
  try {
    const proof = proveRemoval(document, smaller, map, removed, [x]);
    if (!proof.holds) {
      throw new Problem(
        'REMOVAL_NOT_EQUIVALENT',
        `The smaller model differs from the original with the removed units silenced by ${proof.relative_difference.toExponential(2)}; at most ${proof.tolerance.toExponential(2)} is rounding. Nothing was exported. This is a fault of the service.`,
      );
    }
    if (proof.vacuous) {
      parts.reporter.warn(
        'PROOF_VACUOUS',
        `The model's outputs are constant over ${proof.inputs} probe inputs: their agreement proves nothing.`,
      );
    }
    return proof;
  } finally {
    tf.dispose([x, y]);
  }
}
