/** What turns stored numbers into what a model sees, in a form that a loop on the host and a graph can both apply. */
import type { DatasetFacts } from './facts.ts';

/**
 * Model input = (stored − center) / divisor, in float32, centre first: standardised numbers far from 0 would lose their digits the other way round.
 * Both arrays have one length and are broadcast over a sample of `facts.x.shape`: 1 (a scalar), the last axis, or every element. An exported model
 * expects inputs that went through the same.
 */
export interface InputTransform {
  /** Null where nothing is subtracted. */
  center: Float32Array<ArrayBuffer> | null;
  /** 255 for bytes scaled to 0..1; null where nothing is divided. */
  divisor: Float32Array<ArrayBuffer> | null;
  /** The shape in which the two broadcast against `[batch, ...facts.x.shape]`: `[]`, `[channels]` or `facts.x.shape`. */
  shape: number[];
}

/** The transform of a data set's x. Without standardisation the divisor is 1 / scale. */
export function inputTransform({ scale, shape, standardize, mean, std }: DatasetFacts['x']): InputTransform {
  if (standardize === undefined || mean === undefined || std === undefined) {
    return { center: null, divisor: scale === 1 ? null : Float32Array.of(1 / scale), shape: [] };
  }
  return {
    center: Float32Array.from(mean, (value) => value / scale),
    divisor: Float32Array.from(std, (value) => value / scale),
    shape: standardize === 'global' ? [] : standardize === 'channel' ? shape.slice(-1) : [...shape],
  };
}
