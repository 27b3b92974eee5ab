/** How many values each kernel gets where all of them together may only take so many bytes. */

/** One way to pack a kernel. */
export interface ClusterChoice {
  clusters: number;
  /** What it takes in a file, as far as can be foreseen. */
  bytes: number;
  /** How much the loss is expected to mind it: Σ importance·(w - ŵ)². */
  harm: number;
}

/**
 * The place of the choice for each kernel, of lists with ascending `clusters`; null where the smallest choices together are beyond the budget. From the
 * smallest on, the step that spares most harm for each byte is taken as long as it fits.
 */
export function allocateClusters(choices: readonly (readonly ClusterChoice[])[], budget: number): number[] | null {
  const chosen = choices.map(() => 0);
  let left = budget - choices.reduce((sum, [smallest]) => sum + smallest!.bytes, 0);
  if (left < 0) return null;
  for (;;) {
    let best: { kernel: number; place: number; bytes: number; gain: number } | null = null;
    for (const [kernel, list] of choices.entries()) {
      const now = list[chosen[kernel]!]!;
      for (let place = chosen[kernel]! + 1; place < list.length; place++) {
        const bytes = list[place]!.bytes - now.bytes;
        const spared = now.harm - list[place]!.harm;
        const gain = spared / Math.max(bytes, 1);
        if (bytes <= left && spared > 0 && (best === null || gain > best.gain)) best = { kernel, place, bytes, gain };
      }
    }
    if (best === null) return chosen;
    chosen[best.kernel] = best.place;
    left -= best.bytes;
  }
}
