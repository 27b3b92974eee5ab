import { normalisedAxes } from '../../model/layers/normalised-axes.ts';
import { number } from '../../model/layers/options.ts';
import { standardise } from '../ops/standardise.ts';
import type { Execution } from './execution.ts';
import { scaleAndShift } from './scale-and-shift.ts';

export const layerNormalization: Execution = ({ options, inputs: [x], weights }) => {
  const axes = normalisedAxes(options, x!.rank - 1).map((axis) => axis + 1);
  return scaleAndShift(standardise(x!, axes, number(options, 'epsilon', 1e-3)), axes, weights.gamma, weights.beta);
};
