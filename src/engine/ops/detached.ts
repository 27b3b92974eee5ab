/** Operations that pass no gradient on, called past tfjs' tape: it has no way through some of them, and would look for one. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { flag, run, typed } from '../raw-ops.ts';

export type ComparisonName = 'Equal' | 'NotEqual' | 'Greater' | 'GreaterEqual' | 'Less' | 'LessEqual';

/** bool: a comparison of float32 tensors, element by element. */
export function compare(name: ComparisonName, a: Tensor, b: Tensor): Tensor {
  const equality = name.endsWith('Equal') && !/^(Greater|Less)/.test(name);
  return run(name, [typed('T'), ...(equality ? [flag('incompatible_shape_error', true)] : [])], [a, b], 1)[0]!;
}

/** An operation of one float32 tensor whose derivative is 0 or none: Floor, Ceil, Round, Sign, Identity. */
export function withoutGradient(name: 'Floor' | 'Ceil' | 'Rint' | 'Sign' | 'Identity', x: Tensor): Tensor {
  return run(name, [typed('T')], [x], 1)[0]!;
}
