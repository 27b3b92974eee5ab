/**
 * Weights found by name, in formats that do not keep Keras' order: `<layer>/<weight>`, the paths of Keras' variables (`lstm/lstm_cell/kernel`,
 * `bidirectional/forward_lstm/lstm_cell/bias`), those of a `.keras` file (`layers/dense/vars/0`), with or without TensorFlow's `:0`, with dots in place of
 * slashes. Before the layer may stand the name of the model, of one in which the layer was built first, or of a scope; of the models around a layer
 * some may be left out, as long as what stands there is of this layer alone.
 */
import { Problem, received } from '../../errors.ts';
import { type Graph, type Layer, weightKey } from '../graph.ts';
import type { WeightSpec } from '../layers/index.ts';

interface Named {
  name: string;
  shape: readonly number[];
}

/** A tensor under a layer's name, and what its name says after that. */
interface Belonging<Tensor> {
  tensor: Tensor;
  tail: string;
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
  const layers = graph.layers.filter(({ weights }) => weights.length > 0);
  const found = new Map<string, Tensor>();
  const taken = new Set<Tensor>();
  const take = (layer: Layer, spec: WeightSpec, tensor: Tensor): void => {
    taken.add(tensor);
    found.set(weightKey(layer, spec.name), tensor);
  };
  const byPath = new Map(tensors.map((tensor) => [pathOf(tensor.name), tensor]));
  for (const layer of layers) {
    for (const [index, spec] of layer.weights.entries()) {
      const tensor = byPath.get(`${layer.storePath}/${spec.store ?? `vars/${index}`}`);
      if (tensor) take(layer, spec, tensor);
    }
  }
  const belongings = belongingsOf(
    { name: graph.name, layers },
    tensors.filter((tensor) => !taken.has(tensor)),
    mayBeLeft,
  );
  for (const layer of layers) {
    for (const spec of layer.weights) {
      if (found.has(weightKey(layer, spec.name))) continue;
      const free = (belongings.get(layer) ?? []).filter(({ tensor }) => !taken.has(tensor));
      const tensor = among(free, layer, spec);
      if (tensor === null) {
        throw new Problem(
          'WEIGHTS_MISMATCH',
          `Layer ${layer.name} (${layer.className}) has no ${spec.name}. The file has ${received(tensors.map(({ name }) => name).slice(0, 20))}`,
        );
      }
      take(layer, spec, tensor);
    }
  }
  const left = tensors.filter((tensor) => !taken.has(tensor) && !mayBeLeft(tensor.name)).map(({ name }) => name);
  if (left.length > 0) {
    throw new Problem('WEIGHTS_MISMATCH', `The file has weights that belong to no layer of the config: ${received(left.slice(0, 10))}`);
  }
  return found;
}

/** Under which layer's name each tensor stands; one that names none, or several, belongs to none. */
function belongingsOf<Tensor extends Named>(
  { name: model, layers }: Pick<Graph, 'name' | 'layers'>,
  tensors: readonly Tensor[],
  mayBeLeft: (name: string) => boolean,
): Map<Layer, Belonging<Tensor>[]> {
  const byName = layersByName(layers);
  const belongings = new Map<Layer, Belonging<Tensor>[]>();
  for (const tensor of tensors) {
    const words = pathOf(tensor.name).split('/');
    // The longest name of a layer that begins at a word.
    const at = (from: number): { layer: Layer; tail: string } | null => {
      for (let to = words.length - 1; to > from; to--) {
        const layer = byName.get(words.slice(from, to).join('/'));
        if (layer) return { layer, tail: words.slice(to).join('/') };
      }
      return null;
    };
    const anywhere = words.slice(1).flatMap((_, index) => at(index + 1) ?? []);
    // What an optimizer keeps for a weight may be called after it.
    const isOne = !mayBeLeft(tensor.name) && new Set(anywhere.map(({ layer }) => layer)).size === 1;
    const owner = at(0) ?? (words[0] === model ? at(1) : null) ?? (isOne ? anywhere[0]! : null);
    if (owner) belongings.set(owner.layer, [...(belongings.get(owner.layer) ?? []), { tensor, tail: owner.tail }]);
  }
  return belongings;
}

/** Layers by their whole names, and by the ends of these, without the outermost models, that no other layer has. */
function layersByName(layers: readonly Layer[]): Map<string, Layer> {
  const found = new Map<string, Layer | null>();
  for (const layer of layers) {
    const words = layer.name.split('/');
    for (let from = 1; from < words.length; from++) {
      const end = words.slice(from).join('/');
      found.set(end, found.has(end) ? null : layer);
    }
  }
  // A layer at the top of the model is called by this name alone, whatever other models hold.
  for (const layer of layers) found.set(layer.name, layer);
  return new Map([...found].flatMap(([name, layer]) => (layer ? [[name, layer] as const] : [])));
}

const lastOf = (path: string): string => path.split('/').at(-1)!;
const pathOf = (name: string): string => (name.includes('/') ? name : name.replaceAll('.', '/')).replace(/:\d+$/, '');

/**
 * The tensor under a layer's name that is this weight: by the whole rest of its name, else by its last word and the side of a Bidirectional. Weights to which
 * Keras gives no name are called variable, variable_1 and so on.
 */
function among<Tensor extends Named>(free: readonly Belonging<Tensor>[], layer: Layer, spec: WeightSpec): Tensor | null {
  const whole = free.find(({ tail }) => tail === spec.name);
  if (whole) return whole.tensor;
  const word = lastOf(spec.name);
  // Keras 2 and TensorFlow.js say which kernel that of a depthwise convolution is.
  const isWord = (said: string): boolean => said === word || (word === 'kernel' && said === 'depthwise_kernel');
  const side = /^(forward|backward)_layer\//.exec(spec.name)?.[1];
  const fitting = free.filter(
    ({ tail, tensor }) => isWord(lastOf(tail)) && isOnSide(tail, side, layer) && tensor.shape.join() === spec.shape.join(),
  );
  // Stacked cells and the like: as many of one name as the layer has, in the order in which it lists them.
  const namesakes = layer.weights.filter(({ name }) => lastOf(name) === word);
  if (fitting.length === 1 || (side === undefined && namesakes.length > 1 && fitting.length > 0)) return fitting[0]!.tensor;
  // Of another shape: makeDocument says which is needed.
  const loose = free.filter(({ tail }) => isWord(lastOf(tail)) || (layer.weights.length === 1 && /^variable(_\d+)?$/.test(tail)));
  return fitting.length === 0 && loose.length === 1 && side === undefined ? loose[0]!.tensor : null;
}

/** Whether a tensor is of this side of a Bidirectional, whose backward layer has a name of its own where it was given one. */
function isOnSide(tail: string, side: string | undefined, { options }: Layer): boolean {
  if (side === undefined || tail.startsWith(`${side}_`)) return true;
  const given = (options.backward_layer as { config?: { name?: unknown } } | null | undefined)?.config?.name;
  return side === 'backward' && typeof given === 'string' && tail.startsWith(`${given}/`);
}
