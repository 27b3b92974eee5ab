import type { ModelDocument, Weights } from '../../model/document.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import type { Scorable, ScoringParts } from './calibration-of.ts';
import { gradientMoments } from './statistics/index.ts';

/** As many batches as other criteria take where nothing else is asked for. */
const [BATCHES, BATCH_SIZE] = [16, 64];

/**
 * The movements of a model that nobody trains: -(∂L/∂w)·w with the mean gradient of calibration batches, which is where training would begin to move each
 * weight of a kernel (Sanh 2020, at a learning rate near 0). By weight key.
 */
export function stillMovement(
  document: ModelDocument,
  { loss, checkCancelled, presentWeights }: Pick<Scorable, 'loss' | 'checkCancelled' | 'presentWeights'>,
  { data }: Pick<ScoringParts, 'data'>,
  seed: number,
): Weights {
  const { graph, weights } = document;
  const keys = prunableKernels(graph, { exclude: [] }).map(({ key }) => key);
  const calibration = { graph, weights: presentWeights(), loss, data, seed, batches: BATCHES, batchSize: BATCH_SIZE };
  const gradients = gradientMoments({ ...calibration, cancelled: checkCancelled, movement: new Map() }, keys, 'mean_gradient');
  return new Map(
    [...gradients].map(([key, gradient]) => {
      const { shape, data: values } = weights.get(key)!;
      return [key, { shape, data: Float32Array.from(gradient, (slope, at) => 0 - slope * values[at]!) }];
    }),
  );
}
