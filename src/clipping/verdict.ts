/** What a summary says of a clipping threshold, from the fraction of steps it changed. */
export type ClippingVerdict = 'never_fired' | 'safety_net' | 'active' | 'always_binding';

/** never_fired at 0, safety_net below 10 %, always_binding above 90 %, active between. */
export function clippingVerdict(clippedFraction: number): ClippingVerdict {
  if (clippedFraction === 0) return 'never_fired';
  if (clippedFraction < 0.1) return 'safety_net';
  return clippedFraction > 0.9 ? 'always_binding' : 'active';
}
