/** What a summary says of a clipping rule, from the fraction of steps on which it changed something. */
export type ClippingVerdict = 'never_fired' | 'safety_net' | 'active' | 'always_binding' | 'by_design';

/** never_fired at 0, safety_net below 10 %, always_binding above 90 %, active between; by_design for a rule that is meant to bind nearly always. */
export function clippingVerdict(clippedFraction: number, byDesign = false): ClippingVerdict {
  if (byDesign && clippedFraction > 0) return 'by_design';
  if (clippedFraction === 0) return 'never_fired';
  if (clippedFraction < 0.1) return 'safety_net';
  return clippedFraction > 0.9 ? 'always_binding' : 'active';
}
