import { noiseShape } from '../../model/layers/noise-shape.ts';
import { number } from '../../model/layers/options.ts';
import { dropped } from './dropped.ts';
import type { Execution } from './execution.ts';

export const dropout: Execution = ({ options, inputs: [x], training, seed }) => {
  if (!training) return x!;
  const noise = noiseShape(options, x!.shape.slice(1)).map((length, axis) => length ?? x!.shape[axis]!);
  return dropped(x!, number(options, 'rate', 0.5), noise, seed);
};
