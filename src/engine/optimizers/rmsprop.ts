import { applyRmsProp } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

/** RMSprop (Hinton 2012), uncentred. */
export function rmsprop(spec: { rho: number; momentum: number; epsilon: number }): OptimizerRule {
  return {
    slots: ['velocity', 'momentum'],
    begin: (_step, rate) => {
      const scalars = {
        rate: tf.scalar(rate),
        rho: tf.scalar(spec.rho),
        momentum: tf.scalar(spec.momentum),
        epsilon: tf.scalar(spec.epsilon),
      };
      return ({ variable, slots: [square, momentum], gradient }) => applyRmsProp(variable, square!, momentum!, scalars, gradient);
    },
  };
}
