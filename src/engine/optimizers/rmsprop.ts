import { applyRmsProp } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

/** RMSprop (Hinton 2012), uncentred. */
export function rmsprop(spec: { rho: number; momentum: number; epsilon: number; weight_decay: number }): OptimizerRule {
  return {
    slots: ['velocity', 'momentum'],
    initial: 0,
    weightDecay: spec.weight_decay,
    numbers: (_step, rate) => [rate],
    update({ variable, slots: [square, momentum], gradient }, [rate]) {
      const scalars = {
        rate: rate!,
        rho: tf.scalar(spec.rho),
        momentum: tf.scalar(spec.momentum),
        epsilon: tf.scalar(spec.epsilon),
      };
      applyRmsProp(variable, square!, momentum!, scalars, gradient);
    },
  };
}
