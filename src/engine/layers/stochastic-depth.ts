import { number } from '../../model/layers/options.ts';
import { dropped } from './dropped.ts';
import type { Execution } from './execution.ts';

export const stochasticDepth: Execution = ({ options, inputs: [x], training, seed }) => {
  if (!training) return x!;
  const noise = x!.shape.map((length, axis) => (axis === 0 ? length : 1));
  return dropped(x!, number(options, 'drop_path_rate', 0), noise, seed);
};
