/** How operations couple channels: those that leave the last axis alone pass its units on, the others freeze theirs. */
import { coupleUnfollowed } from '../arithmetic.ts';
import type { Coupling, LayerClass, Units } from '../layer-class.ts';

/** The units go on where the last axis stays what it was; where it does not, nothing is cut. */
export function coupleLast(coupling: Coupling, stays: boolean, what: string): Units {
  const [units] = coupling.inputs;
  if (stays && units!.length === (coupling.outputShape.at(-1) ?? -1)) return units!;
  return coupleUnfollowed(coupling, `${what} is not followed`);
}

/** Nothing beside the operation is cut. */
export function uncut(what: string): Pick<LayerClass, 'couple'> {
  return { couple: (_options, coupling) => coupleUnfollowed(coupling, `${what} is not followed`) };
}
