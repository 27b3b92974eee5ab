import { integer } from '../../model/layers/options.ts';
import { resize } from '../ops/resize.ts';
import type { Execution } from './execution.ts';

export const resizing: Execution = ({ options, inputs: [x] }) => {
  const size = [integer(options, 'height'), integer(options, 'width')] as const;
  return resize(x!, size, options.interpolation === 'nearest' ? 'nearest' : 'bilinear');
};
