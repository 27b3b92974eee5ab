/** The removal proof of one cut of a job, on inputs of its training split. */

import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { epochOrder } from '../../dataset/batches.ts';
import { Problem } from '../../errors.ts';
import type { ModelDocument } from '../../model/document.ts';
import { makeBatch } from '../batch.ts';
import type { RemovalProof } from '../proof.ts';
import type { TrainingRunParts } from '../run/index.ts';
import { tf } from '../tensorflow.ts';

const PROOF_INPUTS = 64;

/**
 * The proof that `prove` makes on the probe inputs. `silenced` says what the smaller model must be equal to.
 * Throws Problem REMOVAL_NOT_EQUIVALENT where it is another network.
 */
export function proveCut(
  document: ModelDocument,
  parts: TrainingRunParts,
  silenced: string,
  prove: (inputs: readonly Tensor[]) => RemovalProof,
): RemovalProof {
  const positions = epochOrder(parts.seed, -2, parts.data.split('train').size).subarray(0, PROOF_INPUTS);
  const { x, y } = makeBatch(parts.data, document.graph, 'train', positions);
  try {
    const proof = prove([x]);
    if (!proof.holds) {
      throw new Problem(
        'REMOVAL_NOT_EQUIVALENT',
        `The smaller model differs from the original with ${silenced} by ${proof.relative_difference.toExponential(2)}; at most ${proof.tolerance.toExponential(2)} is rounding. Nothing was exported. This is a fault of the service.`,
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
