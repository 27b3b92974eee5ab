import type { Structure } from '../jobs/spec/index.ts';
import type { PrunableKernel } from './kernels.ts';
import { patternZeros } from './structures/n-m.ts';
import { countOf } from './zeros.ts';

/** The sparsity that a job must reach: what was asked for, or with n of m what the pattern makes, whose last inputs may be fewer than m. */
export function requiredSparsity(kernels: readonly PrunableKernel[], structure: Structure, asked: number): number {
  if (structure.type !== 'n_m') return asked;
  return kernels.reduce((zeros, kernel) => zeros + patternZeros(kernel, structure), 0) / Math.max(1, countOf(kernels));
}
