import { number } from '../../model/layers/options.ts';
import { leakyRelu } from '../ops/leaky-relu.ts';
import type { Execution } from './execution.ts';

export const leakyReLU: Execution = ({ options, inputs: [x] }) =>
  leakyRelu(x!, number(options, options.negative_slope === undefined ? 'alpha' : 'negative_slope', 0.3));
