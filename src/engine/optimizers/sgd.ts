import { applyGradientDescent, applyKerasMomentum } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

/** SGD with optional momentum and Nesterov's form. */
export function sgd(spec: { momentum: number; nesterov: boolean; weight_decay: number }): OptimizerRule {
  return {
    slots: spec.momentum > 0 ? ['momentum'] : [],
    initial: 0,
    weightDecay: spec.weight_decay,
    numbers: (_step, rate) => [rate],
    update({ variable, slots, gradient }, [rate]) {
      if (spec.momentum === 0) applyGradientDescent(variable, rate!, gradient);
      else applyKerasMomentum(variable, slots[0]!, rate!, gradient, tf.scalar(spec.momentum), spec.nesterov);
    },
  };
}
