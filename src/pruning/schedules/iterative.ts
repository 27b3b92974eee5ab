/** The fraction kept after round `round` (1 to `rounds`): each round keeps the same fraction of what the last left, so that the last meets `final`. */
export function iterativeKept(round: number, rounds: number, final: number): number {
  return round === rounds ? final : final ** (round / rounds);
}
