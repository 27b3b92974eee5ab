/** Trials that are worth keeping beside the chosen one. */

/** Places of the pairs of costs that no other beats: less of one at no more of the other. Of equal pairs the first. */
export function unbeaten(costs: readonly (readonly [number, number])[]): number[] {
  return [...costs.keys()].filter((at) => {
    const [own, other] = costs[at]!;
    return !costs.some(([a, b], place) => a <= own && b <= other && (a < own || b < other || place < at));
  });
}
