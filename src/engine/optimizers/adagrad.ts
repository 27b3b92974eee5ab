import { assignVariable, readVariable } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

/** Adagrad (Duchi 2011): a += g²; w -= lr·g/√(a + ε), with ε inside the root as in Keras. */
export function adagrad(spec: { initial_accumulator_value: number; epsilon: number; weight_decay: number }): OptimizerRule {
  return {
    slots: ['accumulator'],
    initial: spec.initial_accumulator_value,
    weightDecay: spec.weight_decay,
    numbers: (_step, rate) => [rate],
    update({ variable, slots: [accumulator], gradient }, [rate]) {
      const sum = tf.add(readVariable(accumulator!), tf.square(gradient));
      assignVariable(accumulator!, sum);
      const change = tf.div(tf.mul(rate!, gradient), tf.sqrt(tf.add(sum, spec.epsilon)));
      assignVariable(variable, tf.sub(readVariable(variable), change));
    },
  };
}
