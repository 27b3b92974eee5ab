import { assignVariable, readVariable } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

/** Lion (Chen 2023): w -= lr·sign(β₁·m + (1 - β₁)·g), then m = β₂·m + (1 - β₂)·g. */
export function lion(spec: { beta_1: number; beta_2: number; weight_decay: number }): OptimizerRule {
  return {
    slots: ['momentum'],
    initial: 0,
    weightDecay: spec.weight_decay,
    numbers: (_step, rate) => [rate],
    update({ variable, slots: [momentum], gradient }, [rate]) {
      const m = readVariable(momentum!);
      const direction = tf.sign(tf.add(tf.mul(m, spec.beta_1), tf.mul(gradient, 1 - spec.beta_1)));
      assignVariable(variable, tf.sub(readVariable(variable), tf.mul(rate!, direction)));
      assignVariable(momentum!, tf.add(tf.mul(m, spec.beta_2), tf.mul(gradient, 1 - spec.beta_2)));
    },
  };
}
