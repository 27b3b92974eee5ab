import { normalisedAxes } from '../../model/layers/normalised-axes.ts';
import { number } from '../../model/layers/options.ts';
import { divideByRootMeanSquare } from '../ops/standardise.ts';
import type { Execution } from './execution.ts';
import { scaleAndShift } from './scale-and-shift.ts';

export const rmsNormalization: Execution = ({ options, inputs: [x], weights }) => {
  const axes = normalisedAxes(options, x!.rank - 1).map((axis) => axis + 1);
  return scaleAndShift(divideByRootMeanSquare(x!, axes, number(options, 'epsilon', 1e-6)), axes, weights.scale);
};
