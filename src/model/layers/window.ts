/** Shapes of sliding windows: convolution and pooling over one to three spatial axes, channels last. */
import type { RefusedOption, Shape } from './layer-class.ts';

/** One number a spatial axis. */
export type Axes = readonly number[];

export interface Window<Numbers extends Axes = readonly [number, number]> {
  size: Numbers;
  strides: Numbers;
  dilation: Numbers;
  /** `valid`, `same`, and over one axis `causal`. */
  padding: string;
}

const LAYOUTS = ['', '[steps, channels]', '[height, width, channels]', '[depth, height, width, channels]'];

/** Throws an Error where a sample is not `rank` spatial axes and one of channels. */
export function requireSpatial(input: Shape, rank: number): void {
  if (input.length !== rank + 1) throw new Error(`the input has shape [${input.join(', ')}]; ${LAYOUTS[rank]} is needed`);
}

/** The spatial axes after the window has slid over them. Throws an Error where it does not fit or the rank is wrong. */
export function slide(input: Shape, window: Window<Axes>): (number | null)[] {
  requireSpatial(input, window.size.length);
  return window.size.map((size, axis) => {
    const length = input[axis]!;
    if (length === null) return null;
    const stride = window.strides[axis]!;
    const reach = (size - 1) * window.dilation[axis]! + 1;
    const out = window.padding === 'valid' ? Math.floor((length - reach) / stride) + 1 : Math.ceil(length / stride);
    if (out < 1) throw new Error(`a window of ${reach} does not fit an axis of ${length}`);
    return out;
  });
}

/** Refuses a window that both strides and is dilated, as TensorFlow does. */
export function refuseDilatedStrides({ strides, dilation }: Window<Axes>): RefusedOption | null {
  if (strides.every((stride) => stride === 1) || dilation.every((rate) => rate === 1)) return null;
  return { option: 'dilation_rate', received: dilation, accepted: '1 where strides are more than 1' };
}
