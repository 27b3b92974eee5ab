/** What every pruning criterion is: which statistics it asks of the engine, and how it scores. Higher is worth more; the lowest goes first. */
import type { Weight } from '../../model/document.ts';
import type { Generator } from '../../random.ts';

/** Over the calibration batches, elementwise on a weight's gradient g_b: the mean of |g_b|, or of g_b². */
export type WeightStatistic = 'mean_abs_gradient' | 'mean_squared_gradient';

/** Over the calibration batches, on the batch mean of the gate's gradient γ_n: the mean of its absolute value, or of its square. */
export type GateStatistic = 'mean_abs_gate' | 'mean_squared_gate';

export interface Criterion {
  weightStatistic: WeightStatistic | null;
  gateStatistic: GateStatistic | null;
  /** Whether unit scores are divided by their group's mean before groups are compared (DepGraph, Fang 2023); loss-based scores stay raw. */
  normalised: boolean;
  /** Scores of single weights, float32, in the weight's order. `statistic` is the one asked for. */
  weightScores(weight: Weight, statistic: Float32Array | null, random: Generator): Float32Array;
  /**
   * The score of one unit from the kernel slices that belong to it (of producers and readers), or from its gate's statistic.
   * Called once a unit.
   */
  unitScore(slices: Iterable<Float32Array>, gate: number | null, random: Generator): number;
}
