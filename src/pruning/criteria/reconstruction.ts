import { readersOf } from '../readers.ts';
import { hasVisibleInputs } from '../visible-inputs.ts';
import type { ReaderContributions } from './contributions.ts';
import type { Criterion } from './criterion.ts';

/**
 * ThiNet (Luo 2017, eq. 6, algorithm 1): units go one by one, each time the one by which what the readers lose, Σ (Σ_{c gone} z_c)², grows least. A
 * unit's score is that loss as a fraction of the energy of what the readers make of all units, so that it says which goes when, and how much it costs.
 */
export const reconstruction: Criterion = {
  weights: null,
  units: {
    needs: 'contributions',
    normalised: true,
    scores: (group, contributions) => greedyLosses(contributions.get(group)!, group.units.length),
    lacks: (group, map) =>
      readersOf(map, group).some(({ kernel }) => hasVisibleInputs(kernel, 'products'))
        ? null
        : 'no kernel reads its units whose inputs can be seen',
  },
};

/** [units]: the relative loss with which each goes, ascending in the order in which they go. */
export function greedyLosses(readers: readonly ReaderContributions[], units: number): Float64Array {
  const joint = new Float64Array(units * units);
  for (const { gram } of readers) {
    const energy = gram.reduce((sum, value) => sum + value, 0);
    // A reader that makes nothing of the units loses nothing.
    if (energy > 0) for (let at = 0; at < joint.length; at++) joint[at]! += gram[at]! / (energy * readers.length);
  }
  const losses = new Float64Array(units);
  /** 2·Σ_{d gone} G_cd of every unit c. */
  const cross = new Float64Array(units);
  const left = new Set(losses.keys());
  let [loss, highest] = [0, 0];
  for (let rank = 0; rank < units; rank++) {
    let best = -1;
    let growth = Number.POSITIVE_INFINITY;
    for (const unit of left) {
      const grows = joint[unit * units + unit]! + cross[unit]!;
      if (grows < growth) [best, growth] = [unit, grows];
    }
    left.delete(best);
    loss += growth;
    // What went may cancel what goes: the order is kept all the same.
    highest = Math.max(loss, highest * (1 + 1e-9));
    losses[best] = highest;
    for (const unit of left) cross[unit]! += 2 * joint[unit * units + best]!;
  }
  return losses;
}

/**
 * Factors a of the kept units that make up for the removed in what a reader makes: min ‖Σ_all z - Σ_kept a·z‖² (Luo 2017, eq. 7), damped towards 1 by a
 * millionth of the mean square. [units], 0 where removed.
 */
export function rescaling({ gram }: ReaderContributions, kept: Uint8Array): Float64Array {
  const units = kept.length;
  const indices = [...kept.keys()].filter((unit) => kept[unit]);
  const damping = (1e-6 * indices.reduce((sum, unit) => sum + gram[unit * units + unit]!, 0)) / Math.max(1, indices.length) || 1;
  const matrix = indices.map((row) => Float64Array.from(indices, (column) => gram[row * units + column]! + (row === column ? damping : 0)));
  const wanted = indices.map((row) => gram.subarray(row * units, (row + 1) * units).reduce((sum, value) => sum + value, 0) + damping);
  const solved = solvePositive(matrix, wanted);
  const factors = new Float64Array(units);
  for (const [at, unit] of indices.entries()) factors[unit] = solved[at]!;
  return factors;
}

/** x of A·x = b for a symmetric positive definite A, by Cholesky's factors. A is overwritten. */
function solvePositive(a: Float64Array[], b: readonly number[]): Float64Array {
  const x = Float64Array.from(b);
  for (const [row, values] of a.entries()) {
    for (let column = 0; column <= row; column++) {
      let sum = values[column]!;
      for (let k = 0; k < column; k++) sum -= values[k]! * a[column]![k]!;
      values[column] = column === row ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / a[column]![column]!;
    }
  }
  for (let row = 0; row < x.length; row++) {
    for (let k = 0; k < row; k++) x[row]! -= a[row]![k]! * x[k]!;
    x[row]! /= a[row]![row]!;
  }
  for (let row = x.length - 1; row >= 0; row--) {
    for (let k = row + 1; k < x.length; k++) x[row]! -= a[k]![row]! * x[k]!;
    x[row]! /= a[row]![row]!;
  }
  return x;
}
