import { convolutionWindowOf } from '../../model/layers/convolution.ts';
import { transposedAxes } from '../../model/layers/transposed-convolution.ts';
import { conv3dTranspose as transposed } from '../ops/conv-3d-transpose.ts';
import type { Execution } from './execution.ts';
import { finish } from './finish.ts';

export const conv3dTranspose: Execution = (invocation) => {
  const { options, inputs, weights } = invocation;
  const [x] = inputs;
  const { strides, padding } = convolutionWindowOf(options, 3);
  const places = transposedAxes(options, x!.shape.slice(1), 3) as number[];
  const shape = [x!.shape[0]!, ...places, weights.kernel!.shape[3]!];
  return finish(transposed(x!, weights.kernel!, shape, strides, padding as 'same' | 'valid'), invocation);
};
