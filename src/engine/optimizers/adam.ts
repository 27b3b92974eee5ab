import { applyAdam } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import type { OptimizerRule } from './rule.ts';

interface AdamSpec {
  beta_1: number;
  beta_2: number;
  epsilon: number;
  weight_decay: number;
}

/**
 * Adam (Kingma & Ba 2015), with ε outside the bias correction as in Keras; with weight decay AdamW (Loshchilov & Hutter 2019).
 *
 * Keras' numbers are float32 where TensorFlow's fused kernel would be given others: the powers of β are those of β as a float32, and 1 - β, which the kernel
 * takes from that float32, is to Keras the float32 of 1 - β. The second makes the kernel's slots a constant multiple of Keras', which its rate and ε make up for.
 */
export function adam(spec: AdamSpec): OptimizerRule {
  const [beta1, beta2] = [Math.fround(spec.beta_1), Math.fround(spec.beta_2)];
  const excess1 = Math.fround(1 - beta1) / Math.fround(1 - spec.beta_1);
  const excess2 = Math.fround(1 - beta2) / Math.fround(1 - spec.beta_2);
  return {
    slots: ['momentum', 'velocity'],
    initial: 0,
    weightDecay: spec.weight_decay,
    kerasScale: { momentum: excess1, velocity: excess2 },
    numbers: (step, rate) => [(rate * Math.sqrt(excess2)) / excess1, beta1 ** step, beta2 ** step],
    update({ variable, slots: [m, v], gradient }, [rate, beta1Power, beta2Power]) {
      const scalars = {
        beta1Power: beta1Power!,
        beta2Power: beta2Power!,
        rate: rate!,
        beta1: tf.scalar(beta1),
        beta2: tf.scalar(beta2),
        epsilon: tf.scalar(spec.epsilon * Math.sqrt(excess2)),
      };
      applyAdam(variable, m!, v!, scalars, gradient);
    },
  };
}
