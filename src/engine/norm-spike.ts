/** How far the norm of the gradients jumps where a network is cut, or its weights change places. */

/** As a checkpoint keeps it. */
export interface SpikeState {
  /** Global norms of the newest steps, the newest last; at most `REMEMBERED`. */
  norms: number[];
  /** The median norm before an event whose next step is still to come; `median` is null where no step came before it. `moved`: no cut, masks that moved. */
  cut: { median: number | null; moved?: true } | null;
}

/** Norms around one cut. */
export interface NormSpike {
  /** The median of the norms of up to 25 steps before the cut; null where there was none. */
  before: number | null;
  /** The norm at the first step behind it. */
  after: number;
  /** after / before. */
  ratio: number | null;
}

export const NO_NORMS: SpikeState = { norms: [], cut: null };

const REMEMBERED = 25;

/** A cut was made. Of several events before the next step the first counts: what lies before it is the network as it was trained. */
export function cutMade(state: SpikeState): SpikeState {
  return { ...state, cut: { median: state.cut ? state.cut.median : median(state.norms) } };
}

/** Weights have changed places under a fixed number of them, or left and returned. */
export function masksMoved(state: SpikeState): SpikeState {
  return state.cut ? state : { ...state, cut: { median: median(state.norms), moved: true } };
}

/** A step was taken, of a finite norm before clipping; the spike where it is the first behind a cut or a move, and whether it was a cut. */
export function normSeen({ norms, cut }: SpikeState, norm: number): { state: SpikeState; spike: NormSpike | null; isCut: boolean } {
  const state = { norms: [...norms.slice(1 - REMEMBERED), norm], cut: null };
  if (!cut) return { state, spike: null, isCut: false };
  const before = cut.median;
  return { state, spike: { before, after: norm, ratio: before === null || before === 0 ? null : norm / before }, isCut: !cut.moved };
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
