import type { Shape } from './layers/index.ts';

/**
 * The shape of one sample as an input takes it, of an input and samples of the same size: those are reshaped to it. A free axis is the data's: axes of one
 * left out, the two agree (`checkJob` has seen to it).
 */
export function sampleShape(input: Shape, sample: readonly number[]): number[] {
  const given = sample.filter((dimension) => dimension !== 1);
  let axis = 0;
  return input.map((dimension) => {
    if (dimension === 1) return 1;
    const own = given[axis++];
    return dimension ?? own ?? 1;
  });
}
