/** A trained network without the units that bits were not worth: zeros in a file, gone in a network. */
import type { Dataset } from '../../dataset/batches.ts';
import type { ModelDocument } from '../../model/document.ts';
import { channelMap } from '../../pruning/groups.ts';
import { removeUnits } from '../../pruning/surgery.ts';
import { unreadUnits } from '../../pruning/unread-units.ts';
import { probeInputs } from '../probe-inputs.ts';
import { proveRemoval } from '../proof.ts';

const PROOF_INPUTS = 64;

/** The document without units that nothing reads, those included that only they read; as it is where the smaller one does not compute the same on inputs of the data. */
export function withoutUnread(document: ModelDocument, data: Dataset): ModelDocument {
  const map = channelMap(document.graph);
  const removed = unreadUnits(map, document.weights);
  if (!removed.includes(1)) return document;
  const smaller = removeUnits(document, map, removed);
  const inputs = probeInputs(data, document, PROOF_INPUTS);
  try {
    // Nothing is silenced: the whole network is what the smaller one has to be equal to.
    const { holds, vacuous } = proveRemoval(document, smaller, map, new Uint8Array(map.unitCount), [inputs]);
    return holds && !vacuous ? withoutUnread(smaller, data) : document;
  } finally {
    inputs.dispose();
  }
}
