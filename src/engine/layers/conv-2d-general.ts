import { convolutionWindow } from '../../model/layers/conv-2d.ts';
import { groupsOf } from '../../model/layers/convolution.ts';
import { conv2d } from './conv-2d.ts';
import { convolution } from './convolution.ts';
import type { Execution } from './execution.ts';

const general = convolution(2);

/** Conv2D: the plain one by one operation, with groups or dilation by several. */
export const conv2dGeneral: Execution = (invocation) => {
  const plain = groupsOf(invocation.options) === 1 && convolutionWindow(invocation.options).dilation.every((rate) => rate === 1);
  return plain ? conv2d(invocation) : general(invocation);
};
