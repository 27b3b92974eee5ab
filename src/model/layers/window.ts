/** Shapes of sliding windows: convolution and pooling over two spatial axes, channels last. */
import type { Shape } from './layer-class.ts';

export interface Window {
  size: readonly [number, number];
  strides: readonly [number, number];
  dilation: readonly [number, number];
  padding: string;
}

/** Height and width after the window has slid over [height, width, channels]. Throws an Error where it does not fit or the rank is wrong. */
export function slide(input: Shape, window: Window): [number | null, number | null] {
  if (input.length !== 3) throw new Error(`the input has shape [${input.join(', ')}]; [height, width, channels] is needed`);
  const along = (axis: 0 | 1): number | null => {
    const length = input[axis];
    if (length === null || length === undefined) return null;
    const reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
    const out =
      window.padding === 'same' ? Math.ceil(length / window.strides[axis]) : Math.floor((length - reach) / window.strides[axis]) + 1;
    if (out < 1) throw new Error(`a window of ${reach} does not fit an axis of ${length}`);
    return out;
  };
  return [along(0), along(1)];
}
