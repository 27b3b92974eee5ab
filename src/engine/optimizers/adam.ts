import { applyAdam, assignVariable, readVariable } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

interface AdamSpec {
  beta_1: number;
  beta_2: number;
  epsilon: number;
}

/** Adam (Kingma & Ba 2015), with ε outside the bias correction as in Keras. */
export function adam(spec: AdamSpec): OptimizerRule {
  return adamw({ ...spec, weight_decay: 0 });
}

/** AdamW (Loshchilov & Hutter 2019): before the update w -= lr·decay·w, for kernels only. */
export function adamw(spec: AdamSpec & { weight_decay: number }): OptimizerRule {
  return {
    slots: ['momentum', 'velocity'],
    begin: (step, rate) => {
      const scalars = {
        beta1Power: tf.scalar(spec.beta_1 ** step),
        beta2Power: tf.scalar(spec.beta_2 ** step),
        rate: tf.scalar(rate),
        beta1: tf.scalar(spec.beta_1),
        beta2: tf.scalar(spec.beta_2),
        epsilon: tf.scalar(spec.epsilon),
      };
      return ({ variable, slots: [m, v], gradient, decayed }) => {
        if (decayed && spec.weight_decay > 0) assignVariable(variable, tf.mul(readVariable(variable), 1 - rate * spec.weight_decay));
        applyAdam(variable, m!, v!, scalars, gradient);
      };
    },
  };
}
