import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { directions } from '../../model/layers/bidirectional.ts';
import { flag } from '../../model/layers/options.ts';
import { tf } from '../tensorflow.ts';
import { furtherSeed } from './dropout-mask.ts';
import type { Execution } from './execution.ts';
import { gru } from './gru.ts';
import { lstm } from './lstm.ts';
import { rnn } from './rnn.ts';
import { simpleRNN } from './simple-rnn.ts';
import { runWrapped } from './wrapped.ts';

const EXECUTIONS: Record<string, Execution> = { GRU: gru, LSTM: lstm, RNN: rnn, SimpleRNN: simpleRNN };
/** Draws of the layer that reads from the end; the other has those below. */
const BACKWARD_DRAWS = 4096;

export const bidirectional: Execution = (invocation) => {
  const { forward, backward } = directions(invocation.options);
  const given = invocation.extras.initial_state;
  const half = (given?.length ?? 0) / 2;
  const [one, ...states] = runWrapped(EXECUTIONS[forward.className]!, forward, 'forward_layer', {
    ...invocation,
    extras: given ? { initial_state: given.slice(0, half) } : {},
  });
  const [steps, ...others] = runWrapped(EXECUTIONS[backward.className]!, backward, 'backward_layer', {
    ...invocation,
    extras: given ? { initial_state: given.slice(half) } : {},
    seed: () => furtherSeed(invocation.seed(), BACKWARD_DRAWS),
  });
  const other = flag(backward.options, 'return_sequences', false) ? tf.reverse(steps!, 1) : steps!;
  return [...merged(one!, other, invocation.options.merge_mode), ...states, ...others];
};

function merged(one: Tensor, other: Tensor, mode: unknown): Tensor[] {
  switch (mode ?? null) {
    case null:
      return [one, other];
    case 'sum':
      return [tf.add(one, other)];
    case 'mul':
      return [tf.mul(one, other)];
    case 'ave':
      return [tf.div(tf.add(one, other), 2)];
    default:
      return [tf.concat([one, other], -1)];
  }
}
