/** What a model still reads: of each layer's inputs those that any weight which is not zero takes, and of the model's own inputs which. */
import type { ModelDocument } from '../model/document.ts';
import { type Layer, weightKey } from '../model/graph.ts';
import { size } from '../model/layers/index.ts';
import { type PictureForm, pictureOf } from './picture.ts';

export interface LayerInputs {
  name: string;
  /** Input channels of the layer's kernel, and those that some unit reads. */
  inputs: number;
  in_use: number;
  /** Mean over the layer's units of how many inputs each reads; units, and those that read none. */
  mean_per_unit: number;
  units: number;
  units_without_inputs: number;
}

export interface FirstInputs {
  layer: string;
  inputs: number;
  /** One character an input in their order, 1 where it is read; null where there are more than 4096. */
  read: string | null;
  in_use: number;
  /** Where they are the pixels of an image: a PNG as a data URI, white what is read; else null. */
  picture: string | null;
}

export interface InputsInUse {
  /** Every layer with a kernel of inputs and outputs. */
  layers: LayerInputs[];
  /** Layers that read the model's input, or what only moves its numbers, themselves. */
  first: FirstInputs[];
}

const MOST_READ = 4096;

/** `image` is the form of the samples where they are images. */
export function inputsInUse(document: ModelDocument, image: PictureForm | null): InputsInUse {
  const { graph } = document;
  const read = new Map<Layer, Uint8Array>();
  const layers = graph.layers.flatMap((layer): LayerInputs[] => {
    const spec = layer.weights.find(({ role, axes }) => role === 'kernel' && axes);
    if (!spec?.axes) return [];
    const kernel = document.weights.get(weightKey(layer, spec.name))!.data;
    const [inputs, units] = [spec.shape[spec.axes.input]!, spec.shape[spec.axes.output]!];
    const stride = (axis: number): number => size(spec.shape.slice(axis + 1));
    const [inputStride, outputStride] = [stride(spec.axes.input), stride(spec.axes.output)];
    const pairs = new Uint8Array(inputs * units);
    for (let at = 0; at < kernel.length; at++) {
      if (kernel[at] !== 0) pairs[(Math.floor(at / inputStride) % inputs) * units + (Math.floor(at / outputStride) % units)] = 1;
    }
    const used = new Uint8Array(inputs);
    const perUnit = new Uint32Array(units);
    for (let at = 0; at < pairs.length; at++) {
      if (!pairs[at]) continue;
      used[Math.floor(at / units)] = 1;
      perUnit[at % units]! += 1;
    }
    read.set(layer, used);
    return [
      {
        name: layer.name,
        inputs,
        in_use: ones(used),
        mean_per_unit: perUnit.reduce((sum, count) => sum + count, 0) / units,
        units,
        units_without_inputs: perUnit.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0),
      },
    ];
  });
  const own = new Set(graph.inputs.map(({ tensor }) => tensor));
  const first: FirstInputs[] = [];
  for (const { layer, inputs, outputs } of graph.calls) {
    if (!inputs.some((tensor) => own.has(tensor))) continue;
    const used = read.get(layer);
    if (used) {
      const pixels = image !== null && used.length === image.height * image.width * image.channels;
      first.push({
        layer: layer.name,
        inputs: used.length,
        read: used.length > MOST_READ ? null : used.join(''),
        in_use: ones(used),
        picture: pixels ? pictureOf(used, image) : null,
      });
    } else if (MOVES.has(layer.className)) for (const output of outputs) own.add(output);
  }
  return { layers, first };
}

/** Classes that hand every number of the input on. */
const MOVES: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'InputLayer', 'Normalization', 'Rescaling', 'Reshape', 'ops.Reshape']);

function ones(used: Uint8Array): number {
  return used.reduce((sum, one) => sum + one, 0);
}
