/** The gradient of the absolute-weight network, without data. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-node-gpu';
import { Problem } from '../../../errors.ts';
import { type Call, type Graph, type Layer, weightKey } from '../../../model/graph.ts';
import { inputShape } from '../../batch.ts';
import { forward } from '../../network.ts';
import { scope } from '../../scope.ts';
import { tf } from '../../tensorflow.ts';
import type { Variables } from '../../variables.ts';

/**
 * ∂R/∂|w| of each kernel, float32 in the weight's order, up to one factor: R is the sum of the outputs for an input of ones, of the network with absolute
 * kernels and scales, without offsets, biases and running means, and without nonlinearities (Tanaka 2020). `sample` is the data's shape, for free axes.
 */
export function synapticFlow(
  graph: Graph,
  weights: Variables,
  keys: readonly string[],
  sample: readonly number[],
): Map<string, Float32Array> {
  const linear = linearised(graph);
  const roles = new Map(
    graph.layers.flatMap((layer) => layer.weights.map(({ name, role }) => [weightKey(layer, name), { name, role }] as const)),
  );
  // R is linear in the input and in a factor of the output: where a deep network leaves the range of float32 on its way there or back, smaller or larger
  // ones do not. A network whose R is 0 whatever the factor passes nothing on.
  let finite = false;
  for (const scale of [1, 1e-10, 1e10, 1e-20, 1e20, 1e-30, 1e30]) {
    const flow = scope(() => {
      const values = new Map(
        weights.keys().map((key): [string, Tensor] => {
          const value = weights.read(key);
          const { name, role } = roles.get(key)!;
          if (role === 'kernel' || role === 'scale') return [key, tf.abs(value)];
          return [key, name === 'moving_variance' ? value : tf.zerosLike(value)];
        }),
      );
      const wanted = keys.map((key) => values.get(key)!);
      const x = tf.fill([1, ...inputShape(graph, sample)], scale);
      const { grads, value } = tf.engine().gradients(() => {
        const outputs = forward(linear, (key) => values.get(key)!, [x], { training: false, logits: true });
        return outputs.map((output) => tf.mul(tf.sum(output), scale)).reduce((sum, output) => tf.add(sum, output)) as Scalar;
      }, wanted);
      const reached = value.dataSync<'float32'>()[0]!;
      finite ||= Number.isFinite(reached);
      if (!Number.isFinite(reached) || reached === 0) return null;
      return grads.map((gradient, index) => (gradient ? gradient.dataSync<'float32'>() : new Float32Array(wanted[index]!.size)));
    });
    if (flow?.every((gradient) => gradient.every(Number.isFinite))) {
      // Of all together 1, so that products with weights stay in range.
      const sum = flow.reduce((total, gradient) => gradient.reduce((all, value) => all + value, total), 0) || 1;
      return new Map(keys.map((key, index) => [key, flow[index]!.map((value) => value / sum)]));
    }
  }
  if (!finite)
    throw new Problem(
      'NON_FINITE_GRADIENT',
      'The flow through the network of absolute weights is too large for float32; take another criterion than synflow.',
    );
  return new Map(keys.map((key) => [key, new Float32Array(weights.shape(key).reduce((product, axis) => product * axis, 1))]));
}

/** The graph with every nonlinearity of a layer left out. */
function linearised(graph: Graph): Graph {
  const linear = (layer: Layer): Layer => ({ ...layer, options: { ...layer.options, ...LINEAR } });
  const layers = new Map(graph.layers.map((layer) => [layer.name, linear(layer)]));
  return {
    ...graph,
    layers: [...layers.values()],
    calls: graph.calls.map((call): Call => ({ ...call, layer: layers.get(call.layer.name)! })),
  };
}

const LINEAR = { activation: 'linear' };
