import { number } from '../../layers/options.ts';
import { constant, type ProgramBuilder } from '../builder.ts';
import type { Lowering } from '../lowering.ts';
import type { Value } from '../program.ts';

/** f(x) = max_value for x ≥ max_value, x for threshold < x < max_value, negative_slope·(x - threshold) below. */
export const reLU: Lowering = (b, { options, inputs: [x] }) => {
  const slope = number(options, 'negative_slope', 0);
  const threshold = number(options, 'threshold', 0);
  const bounded = options.max_value !== null && options.max_value !== undefined;
  if (threshold === 0 && slope !== 0 && !bounded) return b.unary('leaky_relu', x!, slope);
  const above = threshold === 0 ? b.unary('relu', x!) : b.where(b.binary('greater', x!, threshold), x!, 0);
  const between = bounded ? b.binary('min', above, number(options, 'max_value', 0)) : above;
  return slope === 0 ? between : b.sub(between, b.mul(b.unary('relu', b.sub(threshold, x!)), slope));
};

export const leakyReLU: Lowering = (b, { options, inputs: [x] }) =>
  b.unary('leaky_relu', x!, number(options, options.negative_slope === undefined ? 'alpha' : 'negative_slope', 0.3));

export const eLU: Lowering = (b, { options, inputs: [x] }) => b.unary('elu', x!, number(options, 'alpha', 1));

export const pReLU: Lowering = (b, { inputs: [x], weights }) =>
  b.sub(b.unary('relu', x!), b.mul(b.weight(weights.alpha!), b.unary('relu', b.unary('neg', x!))));

export const customScaleLayer: Lowering = (b, { options, inputs: [kept, scaled] }) =>
  b.add(kept!, b.mul(scaled!, number(options, 'scale', 1)));

export const layerScale: Lowering = (b, { inputs: [x], weights }) => b.mul(x!, b.weight(weights.gamma!));

export const rescaling: Lowering = (b, { options, inputs: [x] }) => {
  const factor = (option: string, otherwise: number): Value => {
    const value = (options[option] ?? otherwise) as number | number[];
    return Array.isArray(value) ? constant(Float32Array.from(value), [value.length]) : b.scalar(value);
  };
  return b.add(b.mul(x!, factor('scale', 1)), factor('offset', 0));
};

export const masking: Lowering = (b, { options, inputs: [x] }) => {
  const counts = b.reduce('any', b.binary('not_equal', x!, number(options, 'mask_value', 0)), [x!.shape.length - 1]);
  return [b.where(counts, x!, 0), b.squeeze(counts, [x!.shape.length - 1])];
};

/** x as it is. */
export const identity: Lowering = (_b, { inputs: [x] }) => x!;

/** x without what follows its point. */
export function truncated(b: ProgramBuilder, x: Value): Value {
  return b.mul(b.unary('sign', x), b.unary('floor', b.unary('abs', x)));
}
