import { applyGradientDescent, applyKerasMomentum } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

/** SGD with optional momentum and Nesterov's form. */
export function sgd(spec: { momentum: number; nesterov: boolean }): OptimizerRule {
  return {
    slots: spec.momentum > 0 ? ['momentum'] : [],
    begin: (_step, rate) => {
      const learningRate = tf.scalar(rate);
      if (spec.momentum === 0) return ({ variable, gradient }) => applyGradientDescent(variable, learningRate, gradient);
      const momentum = tf.scalar(spec.momentum);
      return ({ variable, slots, gradient }) => applyKerasMomentum(variable, slots[0]!, learningRate, gradient, momentum, spec.nesterov);
    },
  };
}
