import { number } from '../../model/layers/options.ts';
import { dropped } from './dropped.ts';
import type { Execution } from './execution.ts';

/** Drops whole channels. */
export const spatialDropout: Execution = ({ options, inputs: [x], training, seed }) => {
  if (!training) return x!;
  const noise = x!.shape.map((length, axis) => (axis === 0 || axis === x!.rank - 1 ? length : 1));
  return dropped(x!, number(options, 'rate', 0.5), noise, seed);
};
