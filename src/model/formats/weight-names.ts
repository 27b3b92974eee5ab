/**
 * Weights found by name, in formats that do not keep Keras' order: `<layer>/<weight>`, with or without the model's name before it, the paths of Keras'
 * variables (`lstm/lstm_cell/kernel`, `bidirectional/forward_lstm/lstm_cell/bias`), those of a `.keras` file (`layers/dense/vars/0`), with or without
 * TensorFlow's `:0`, with dots in place of slashes.
 */
import { Problem, received } from '../../errors.ts';
import { type Graph, type Layer, weightKey } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';

interface Named {
  name: string;
  shape: readonly number[];
}

/**
 * The tensor of each weight, by the weight's key. Throws Problem WEIGHTS_MISMATCH where a weight has none, or more than one fits, or tensors are left
 * over that `mayBeLeft` does not know.
 */
export function matchWeights<Tensor extends Named>(
  graph: Graph,
  tensors: readonly Tensor[],
  mayBeLeft: (name: string) => boolean = () => false,
): Map<string, Tensor> {
  const parts = tensors.map((tensor) => ({ tensor, path: pathOf(tensor.name) }));
  const found = new Map<string, Tensor>();
  const taken = new Set<Tensor>();
  const ownNames = new Map<string, number>();
  for (const { name } of graph.layers) ownNames.set(lastOf(name), (ownNames.get(lastOf(name)) ?? 0) + 1);
  for (const layer of graph.layers) {
    if (layer.weights.length === 0) continue;
    const own = lastOf(layer.name);
    // A nested model's layers may stand without the model's name, as TensorFlow.js writes them.
    const prefixes = [layer.name, `${graph.name}/${layer.name}`, ...(ownNames.get(own) === 1 ? [own] : [])];
    const theirs = parts
      .filter(({ tensor }) => !taken.has(tensor))
      .flatMap(({ tensor, path }) => {
        const prefix = prefixes.find((candidate) => path.startsWith(`${candidate}/`));
        return prefix === undefined ? [] : [{ tensor, tail: path.slice(prefix.length + 1) }];
      });
    for (const [index, spec] of layer.weights.entries()) {
      const key = weightKey(layer, spec.name);
      const stored = `${layer.storePath}/${spec.store ?? `vars/${index}`}`;
      const tensor =
        parts.find(({ path, tensor: candidate }) => path === stored && !taken.has(candidate))?.tensor ?? among(theirs, taken, layer, spec);
      if (tensor === null) {
        throw new Problem(
          'WEIGHTS_MISMATCH',
          `Layer ${layer.name} (${layer.className}) has no ${spec.name}. The file has ${received(tensors.map(({ name }) => name).slice(0, 20))}`,
        );
      }
      taken.add(tensor);
      found.set(key, tensor);
    }
  }
  const left = tensors.filter((tensor) => !taken.has(tensor) && !mayBeLeft(tensor.name)).map(({ name }) => name);
  if (left.length > 0) {
    throw new Problem('WEIGHTS_MISMATCH', `The file has weights that belong to no layer of the config: ${received(left.slice(0, 10))}`);
  }
  return found;
}

const lastOf = (path: string): string => path.split('/').at(-1)!;
const pathOf = (name: string): string => (name.includes('/') ? name : name.replaceAll('.', '/')).replace(/:\d+$/, '');

/** The tensor under a layer's name that is this weight: by the whole rest of its name, else by its last word and the side of a Bidirectional. */
function among<Tensor extends Named>(
  theirs: readonly { tensor: Tensor; tail: string }[],
  taken: ReadonlySet<Tensor>,
  layer: Layer,
  spec: WeightSpec,
): Tensor | null {
  const free = theirs.filter(({ tensor }) => !taken.has(tensor));
  const whole = free.find(({ tail }) => tail === spec.name);
  if (whole) return whole.tensor;
  const word = lastOf(spec.name);
  // Keras 2 and TensorFlow.js say which kernel that of a depthwise convolution is.
  const isWord = (said: string): boolean => said === word || (word === 'kernel' && said === 'depthwise_kernel');
  const side = /^(forward|backward)_layer\//.exec(spec.name)?.[1];
  const fitting = free.filter(
    ({ tail, tensor }) =>
      isWord(lastOf(tail)) && (side === undefined || tail.startsWith(`${side}_`)) && tensor.shape.join() === spec.shape.join(),
  );
  // Stacked cells and the like: as many of one name as the layer has, in the order in which it lists them.
  const namesakes = layer.weights.filter(({ name }) => lastOf(name) === word);
  if (fitting.length === 1 || (side === undefined && namesakes.length > 1 && fitting.length > 0)) return fitting[0]!.tensor;
  // Of another shape: makeDocument says which is needed.
  const loose = free.filter(({ tail }) => isWord(lastOf(tail)));
  return fitting.length === 0 && loose.length === 1 && side === undefined ? loose[0]!.tensor : null;
}
