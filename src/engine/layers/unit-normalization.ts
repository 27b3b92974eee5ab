import { normalisedAxes } from '../../model/layers/normalised-axes.ts';
import { divideByLength } from '../ops/standardise.ts';
import type { Execution } from './execution.ts';

export const unitNormalization: Execution = ({ options, inputs: [x] }) =>
  divideByLength(
    x!,
    normalisedAxes(options, x!.rank - 1).map((axis) => axis + 1),
  );
