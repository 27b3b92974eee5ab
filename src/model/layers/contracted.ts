/** Products of two tensors that sum over axes, such as Dot and einsum. */
import type { Coupling, Units } from './layer-class.ts';

/** The axes of one sample by labels; those of a tensor of the config are null. */
export interface Contraction {
  operands: readonly (readonly string[] | null)[];
  output: readonly string[];
}

/**
 * The units of the result. Channels that are summed against channels go together with those; a last axis that stays last passes on. Channels that become
 * places, or meet places or numbers of the config, are frozen; so is a last axis of places.
 */
export function coupleContraction(coupling: Coupling, { operands, output }: Contraction, inputs: readonly Units[]): Units {
  const detail = 'a product of tensors turns channels into places, or sums them against places';
  const last = output.at(-1);
  let passed: Units | null = null;
  operands.forEach((labels, index) => {
    const label = labels?.at(-1);
    const units = inputs[index]!;
    if (!labels || label === undefined) return;
    coupling.reads(index);
    const other = operands[1 - index];
    const otherUnits = inputs[1 - index];
    const meets = other?.includes(label) ?? false;
    const alike = meets && other!.at(-1) === label;
    if (alike) coupling.tie(units, otherUnits!);
    else if (meets || other === null) coupling.freeze(units, 'UNFOLLOWED_LAYER', detail);
    if (label === last) passed = units;
    else if (output.includes(label)) coupling.freeze(units, 'UNFOLLOWED_LAYER', detail);
    else if (!meets && other !== null) coupling.freeze(units, 'UNFOLLOWED_LAYER', detail);
  });
  if (passed) return passed;
  const fresh = coupling.fresh(coupling.outputShape.at(-1) ?? 0);
  coupling.freeze(fresh, 'UNFOLLOWED_LAYER', 'a product of tensors makes places of them');
  return fresh;
}
