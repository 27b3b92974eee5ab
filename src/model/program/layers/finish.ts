import { activationName } from '../../layers/options.ts';
import { activate } from '../activations.ts';
import type { ProgramBuilder } from '../builder.ts';
import type { LoweredCall } from '../lowering.ts';
import type { Value } from '../program.ts';

/** What layers with kernels do last: the bias, where there is one, and the activation. */
export function finish(b: ProgramBuilder, product: Value, { options, weights }: Pick<LoweredCall, 'options' | 'weights'>): Value {
  return activate(b, weights.bias ? b.add(product, b.weight(weights.bias)) : product, activationName(options));
}
