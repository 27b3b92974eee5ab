/** What every pruning criterion is: which statistics it asks of the engine, and how it scores. Higher is worth more; the lowest goes first. */
import type { WeightStructure } from '../../jobs/spec/index.ts';
import type { Weight, Weights } from '../../model/document.ts';
import type { Generator } from '../../random.ts';
import type { ChannelGroup, ChannelMap } from '../groups.ts';
import type { PrunableKernel } from '../kernels.ts';
import type { Contributions } from './contributions.ts';

/**
 * What the engine takes of each kernel over the calibration batches, by name: of its gradient g_b on each batch the mean of |g_b| or of g_b², the
 * product H·g of the loss Hessian with the mean gradient, and the gradient of the absolute-weight network's output, each float32 in the weight's order.
 */
export interface WeightStatistics {
  /** The score that training has kept: see `movement`. */
  movement: Float32Array;
  nothing: null;
  mean_abs_gradient: Float32Array;
  mean_squared_gradient: Float32Array;
  hessian_gradient: Float32Array;
  synaptic_flow: Float32Array;
  input_norms: InputNorms;
  inverse_hessian: InverseHessian;
  inverse_fisher: InverseFisher;
}

/** ‖X_j‖₂ over samples and positions of each input of a kernel: float32 [groups, inputs]; output units are dealt to the groups in their order. */
export interface InputNorms {
  groups: number;
  norms: Float32Array;
}

/** The lower Cholesky factor L of H⁻¹ = L·Lᵀ of a kernel's inputs, float32 [groups, inputs, inputs], and which inputs were always zero, [groups, inputs]. */
export interface InverseHessian {
  groups: number;
  factor: Float32Array;
  dead: Uint8Array;
}

/** The inverse of each diagonal block of a kernel's Fisher matrix, float32 [blocks, size, size], over its weights in their order; the last is padded. */
export interface InverseFisher {
  size: number;
  inverse: Float32Array;
}

export type WeightNeed = keyof WeightStatistics;

/** Scores single weights. */
export interface ScoredWeights<Need extends WeightNeed = WeightNeed> {
  needs: Need;
  /** Float32, finite, in the weight's order. */
  scores(weight: Weight, statistic: WeightStatistics[Need], kernel: PrunableKernel, random: Generator): Float32Array;
  /** Scores are compared within each output unit only. */
  unitwise?: boolean;
  /** Scores of all kernels together are divided by their sum. */
  normalised?: boolean;
  /** In how many steps, each scored anew, a cut is made. */
  iterations?: number;
  /** The weights that make up for those that `mask` takes, float32; masked ones are 0. */
  compensated?(weight: Weight, mask: Uint8Array, statistic: WeightStatistics[Need]): Float32Array;
}

/** Chooses a kernel's mask and its new weights in one. */
export interface SolvedWeights<Need extends WeightNeed = WeightNeed> {
  needs: Need;
  solve(
    weight: Weight,
    present: Uint8Array | null,
    cut: { structure: WeightStructure; sparsity: number; zeros: number },
    statistic: WeightStatistics[Need],
    kernel: PrunableKernel,
  ): {
    mask: Uint8Array;
    weight: Float32Array;
    /** What weights were compared by where it was chosen between them, in their order: only of one block of inputs, and the units of a group, at a time. */
    scores: Float32Array;
  };
}

/** By unit number, over samples: the gradient γ of the loss with respect to a gate of 1 on the unit. */
export interface GateMoments {
  /** Mean over batches of |mean γ of the batch|. */
  batchAbsolute: Float64Array;
  /** Mean over batches of (mean γ of the batch)². */
  batchSquare: Float64Array;
  /** Mean over samples of γ_n. */
  mean: Float64Array;
  /** Mean over samples of γ_n². */
  sampleSquare: Float64Array;
}

/** By unit number, over samples and positions, of the activation behind the unit's nonlinearity. */
export interface ActivationMoments {
  meanAbsolute: Float64Array;
  variance: Float64Array;
  /** The fraction of exact zeros. */
  zeros: Float64Array;
}

export interface UnitStatistics {
  /** The scores of kernels that training has kept, by weight key. */
  movement: Weights;
  nothing: null;
  gates: GateMoments;
  activations: ActivationMoments;
  /** By unit number: the sum over readers of ‖X‖₂ of the unit there times the norm of the weights that read it. */
  read_activity: Float64Array;
  contributions: Contributions;
}

export type UnitNeed = keyof UnitStatistics;

/** What scores of units may look at besides their statistic. */
export interface UnitContext {
  map: ChannelMap;
  weights: Weights;
  random: Generator;
}

/** Scores whole units. */
export interface ScoredUnits<Need extends UnitNeed = UnitNeed> {
  needs: Need;
  /** Scores are divided by their group's mean before groups are compared (DepGraph, Fang 2023); loss-based scores stay raw. */
  normalised: boolean;
  /** [units], in the group's order. Called once for each group, in order. */
  scores(group: ChannelGroup, statistic: UnitStatistics[Need], context: UnitContext): Float64Array;
  /** What the criterion needs and this group has not; null where it has all. Looks at shapes and names only. */
  lacks?(group: ChannelGroup, map: ChannelMap): string | null;
}

type Any<Rule extends Record<string, unknown>> = Rule[keyof Rule];

export interface Criterion {
  weights: Any<{ [Need in WeightNeed]: ScoredWeights<Need> | SolvedWeights<Need> }> | null;
  units: Any<{ [Need in UnitNeed]: ScoredUnits<Need> }> | null;
  /** Scores of weights need each kernel's inputs: those that stay inside a layer cannot be seen. */
  readsInputs?: 'norms' | 'products';
}
