import { LAYER_CLASSES } from '../../model/layers/index.ts';
import { FOLDER } from '../../model/layers/time-distributed.ts';
import { wrappedLayer } from '../../model/layers/wrapped.ts';
import { tf } from '../tensorflow.ts';
import type { Execution } from './execution.ts';
import { runWrapped } from './wrapped.ts';

/** All steps of [batch, time, ...] as one batch. `executions` has every class that may be wrapped. */
export function timeDistributed(executions: () => Record<string, Execution>): Execution {
  return (invocation) => {
    const { options, inputs, masks } = invocation;
    const [batch, time, ...rest] = inputs[0]!.shape as [number, number, ...number[]];
    const steps = tf.reshape(inputs[0]!, [batch * time, ...rest]);
    const layer = wrappedLayer(options, FOLDER, LAYER_CLASSES);
    // The option is no option of this class: it stands there where the wrapped layer's softmax or sigmoid is left out.
    const bare = options.activation === 'linear';
    const wrapped = bare ? { ...layer, options: { ...layer.options, activation: 'linear' } } : layer;
    const passed = bare && layer.className === 'Softmax';
    const mask = masks[0] && masks[0].rank > 2 ? tf.reshape(masks[0], [batch * time, ...masks[0].shape.slice(2)]) : null;
    const given = { ...invocation, inputs: [steps], masks: [layer.facts.readsMasks ? mask : null] };
    const y = passed ? steps : runWrapped(executions()[layer.className]!, wrapped, FOLDER, given)[0]!;
    return tf.reshape(y, [batch, time, ...y.shape.slice(1)]);
  };
}
