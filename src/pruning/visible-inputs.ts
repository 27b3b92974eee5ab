/** Kernels whose inputs can be seen: those that are tensors between layers, or made of one by a window. */
import type { LayerClassName } from '../model/layers/index.ts';
import type { PrunableKernel } from './kernels.ts';

/** By class, the kernels whose inputs the engine can form; what else a layer multiplies stays inside it, as the state of a recurrent layer does. */
const VISIBLE: Partial<Record<LayerClassName, readonly string[]>> = {
  Bidirectional: ['forward_layer/kernel', 'backward_layer/kernel'],
  Conv1D: ['kernel'],
  Conv1DTranspose: ['kernel'],
  Conv2D: ['kernel'],
  Conv2DTranspose: ['kernel'],
  Conv3D: ['kernel'],
  Conv3DTranspose: ['kernel'],
  Dense: ['kernel'],
  DepthwiseConv1D: ['kernel'],
  DepthwiseConv2D: ['kernel'],
  GRU: ['kernel'],
  GroupQueryAttention: ['query/kernel', 'key/kernel', 'value/kernel', 'gate/kernel'],
  LSTM: ['kernel'],
  MultiHeadAttention: ['query/kernel', 'key/kernel', 'value/kernel', 'gate/kernel'],
  SeparableConv1D: ['depthwise_kernel', 'pointwise_kernel'],
  SeparableConv2D: ['depthwise_kernel', 'pointwise_kernel'],
  SimpleRNN: ['kernel'],
};

/** Inputs of a kernel up to which their products with each other, inputs² numbers, are formed. */
const MOST_INPUTS = 8192;

/** Whether the norms of a kernel's inputs, or their products with each other, can be formed. */
export function hasVisibleInputs(kernel: PrunableKernel, of: 'norms' | 'products'): boolean {
  return invisible(kernel, of) === null;
}

/** Why the inputs of a kernel are not to be had, or null. */
export function invisible(kernel: PrunableKernel, of: 'norms' | 'products'): string | null {
  if (!VISIBLE[kernel.className]?.includes(kernel.weight)) return `its inputs stay inside the ${kernel.className}`;
  const inputs = kernel.inputAxes.reduce((product, axis) => product * kernel.shape[axis]!, 1);
  return of === 'products' && inputs > MOST_INPUTS
    ? `it has ${inputs} inputs, whose products with each other are too many (${MOST_INPUTS} at most)`
    : null;
}
