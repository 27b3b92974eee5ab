import { dotAxes } from '../../layers/dot.ts';
import { flag } from '../../layers/options.ts';
import { contract } from '../contraction.ts';
import type { Lowering } from '../lowering.ts';
import type { Value } from '../program.ts';
import { divideByLength } from './normalization.ts';
import { sampleShape } from './sample.ts';

/** A product a sample, over one axis of each input. */
export const dot: Lowering = (b, { options, inputs }) => {
  const axes = dotAxes(options, inputs.map(sampleShape));
  const [x, y] = inputs.map((input, index) =>
    flag(options, 'normalize', false) ? divideByLength(b, input, [axes[index]! + 1]) : input,
  ) as [Value, Value];
  const named = ({ shape }: Value, prefix: string, axis: number): string[] =>
    shape.map((_length, at) => (at === 0 ? 'batch' : at === axis + 1 ? 'summed' : `${prefix}${at}`));
  const [a, c] = [named(x, 'a', axes[0]), named(y, 'b', axes[1])];
  const rest = [...a, ...c].filter((label) => label !== 'batch' && label !== 'summed');
  const product = contract(b, x, a, y, c, ['batch', ...rest]);
  return rest.length === 0 ? b.expandDims(product, 1) : product;
};
