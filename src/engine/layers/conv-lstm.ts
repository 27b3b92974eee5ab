import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { inputConvolution } from '../../model/layers/conv-lstm.ts';
import type { Options } from '../../model/layers/layer-class.ts';
import { activationName, flag, number } from '../../model/layers/options.ts';
import { broadcastTo } from '../ops/broadcast-to.ts';
import { split, unstack } from '../ops/parts.ts';
import { tf } from '../tensorflow.ts';
import { activate } from './activations.ts';
import { conv1d } from './conv-1d.ts';
import { conv2d } from './conv-2d.ts';
import { conv3d } from './conv-3d.ts';
import { dropoutMask, furtherSeed } from './dropout-mask.ts';
import { type Execution, type Invocation, listed } from './execution.ts';

const CONVOLUTIONS: Record<1 | 2 | 3, Execution> = { 1: conv1d, 2: conv2d, 3: conv3d };
const GATES = 4;

/** A ConvLSTM over `rank` spatial axes, step by step; the convolution of the inputs is one for all steps. */
export function convLstm(rank: 1 | 2 | 3): Execution {
  return (invocation) => {
    const { options, inputs, extras, masks, weights, training, seed } = invocation;
    const x = inputs[0]!;
    const [batch, time, ...rest] = x.shape as [number, number, ...number[]];
    const rate = (option: string): number => (training ? number(options, option, 0) : 0);
    const convolve = (from: Tensor, kernel: Tensor, given: Options, bias?: Tensor): Tensor =>
      listed(
        CONVOLUTIONS[rank]({ ...invocation, options: given, inputs: [from], weights: bias ? { kernel, bias } : { kernel } } as Invocation),
      )[0]!;
    const forInput = inputConvolution(options);
    const forState = { ...forInput, strides: 1, dilation_rate: 1, padding: 'same' };
    /** All gates at once, or each on an input of its own where it is dropped for each. */
    const gatesOf = (from: Tensor, kernel: Tensor, given: Options, dropping: Tensor[] | null, bias?: Tensor): Tensor => {
      if (!dropping) return convolve(from, kernel, given, bias);
      const kernels = split(kernel, GATES, rank + 1);
      const made = tf.concat(
        kernels.map((one, gate) => convolve(tf.mul(from, dropping[gate]!), one, { ...given, filters: options.filters })),
        rank + 1,
      );
      return bias ? tf.add(made, bias) : made;
    };
    const dropping = (probability: number, shape: number[], n: number): Tensor[] | null =>
      probability === 0
        ? null
        : Array.from({ length: GATES }, (_none, gate) => dropoutMask(shape, probability, furtherSeed(seed(), n + gate)));
    const dropped = dropping(rate('dropout'), [batch, ...rest], 0);
    const steps = dropped
      ? unstack(x, 1).map((step) => gatesOf(step, weights.kernel!, forInput, dropped, weights.bias))
      : unstack(apart(gatesOf(tf.reshape(x, [batch * time, ...rest]), weights.kernel!, forInput, null, weights.bias), batch, time), 1);
    const state = [...steps[0]!.shape.slice(0, -1), steps[0]!.shape.at(-1)! / GATES];
    const stateDropped = dropping(rate('recurrent_dropout'), state, GATES);
    const backwards = flag(options, 'go_backwards', false);
    const counts = masks[0] ? unstack(masks[0], 1) : null;
    const zeros = tf.zeros(state);
    const left = (value: Tensor): Tensor => (invocation.alive?.units ? tf.mul(value, invocation.alive.units) : value);
    let [h, c] = ((extras.initial_state as [Tensor, Tensor] | undefined) ?? [zeros, zeros]).map(left) as [Tensor, Tensor];
    let output: Tensor = zeros;
    const activation = activationName(options);
    const gate = activationName({ activation: options.recurrent_activation });
    const order = [...steps.keys()];
    const outputs: Tensor[] = [];
    for (const step of backwards ? order.toReversed() : order) {
      const sum = tf.add(steps[step]!, gatesOf(h, weights.recurrent_kernel!, forState, stateDropped));
      const [i, f, candidate, o] = split(sum, GATES, rank + 1) as [Tensor, Tensor, Tensor, Tensor];
      const nextC: Tensor = left(tf.add(tf.mul(activate(f, gate), c), tf.mul(activate(i, gate), activate(candidate, activation))));
      const nextH: Tensor = left(tf.mul(activate(o, gate), activate(nextC, activation)));
      const count = counts?.[step];
      if (count) {
        const shaped = tf.reshape(tf.cast(count, 'float32'), [batch, ...state.slice(1).map(() => 1)]);
        const kept = tf.greater(broadcastTo(shaped, state), 0);
        output = tf.where(kept, nextH, flag(options, 'zero_output_for_mask', false) ? zeros : output);
        [h, c] = [tf.where(kept, nextH, h), tf.where(kept, nextC, c)];
      } else [h, c, output] = [nextH, nextC, nextH];
      outputs.push(output);
    }
    const result = flag(options, 'return_sequences', false) ? tf.stack(outputs, 1) : output;
    return [result, ...(flag(options, 'return_state', false) ? [h, c] : [])];
  };
}

function apart(x: Tensor, batch: number, time: number): Tensor {
  return tf.reshape(x, [batch, time, ...x.shape.slice(1)]);
}
