/** The kernels that pruning may cut, each seen as a matrix [inputs, output units]. */
import type { LayerSelection } from '../jobs/spec/index.ts';
import { type Graph, weightKey } from '../model/graph.ts';
import { type LayerClassName, size, type WeightSpec } from '../model/layers/index.ts';

/** A kernel that may be pruned. */
export interface PrunableKernel {
  key: string;
  layer: string;
  className: LayerClassName;
  /** Its name inside the layer. */
  weight: string;
  count: number;
  shape: readonly number[];
  /** The axes that count the inputs of one output unit, ascending; the others count the units, each of which keeps at least one weight. */
  inputAxes: readonly number[];
  /** Each of its units reads one channel only. */
  depthwise: boolean;
}

/** The kernels of a graph that pruning of weights may cut, by `include` and `exclude`; biases and normalisation are never cut. */
export function prunableKernels(graph: Graph, selection: Pick<LayerSelection, 'include' | 'exclude'>): PrunableKernel[] {
  return graph.layers
    .filter(
      (layer) => (selection.include === undefined || selection.include.includes(layer.name)) && !selection.exclude.includes(layer.name),
    )
    .flatMap((layer) =>
      layer.weights
        .filter((weight) => weight.role === 'kernel')
        .map((weight) => ({
          key: weightKey(layer, weight.name),
          layer: layer.name,
          className: layer.className,
          weight: weight.name,
          count: size(weight.shape),
          shape: weight.shape,
          inputAxes: inputAxes(weight),
          depthwise: weight.axes !== undefined && weight.axes.input === weight.axes.output,
        })),
    );
}

/** How many inputs each output unit of a kernel has. */
export function inputCount({ shape, inputAxes }: Pick<PrunableKernel, 'shape' | 'inputAxes'>): number {
  return inputAxes.reduce((product, axis) => product * shape[axis]!, 1);
}

/** How many output units a kernel has. */
export function unitCount(kernel: Pick<PrunableKernel, 'shape' | 'inputAxes'>): number {
  return size(kernel.shape) / inputCount(kernel);
}

/**
 * Where input j of output unit o stands in the kernel: element j · units + o, int32 [inputs · units]. Inputs and units are counted in the order of
 * their axes, so that a convolution's inputs run over height, width and channel.
 */
export function matrixOrder(kernel: Pick<PrunableKernel, 'shape' | 'inputAxes'>): Int32Array {
  const { shape } = kernel;
  const strides = shape.map((_, axis) => size(shape.slice(axis + 1)));
  const unitAxes = [...shape.keys()].filter((axis) => !kernel.inputAxes.includes(axis));
  const inputs = offsets(kernel.inputAxes, shape, strides);
  const units = offsets(unitAxes, shape, strides);
  const order = new Int32Array(size(shape));
  let at = 0;
  for (const input of inputs) for (const unit of units) order[at++] = input + unit;
  return order;
}

/** Whether a kernel's numbers stand in the order of `matrixOrder` as they are: all axes of inputs before those of units. */
export function isMatrix({ inputAxes }: Pick<PrunableKernel, 'inputAxes'>): boolean {
  return inputAxes.every((axis, place) => axis === place);
}

/** The numbers of a kernel as a matrix [inputs, units]. */
export function asMatrix(values: Float32Array, order: Int32Array): Float32Array {
  const matrix = new Float32Array(values.length);
  for (let at = 0; at < order.length; at++) matrix[at] = values[order[at]!]!;
  return matrix;
}

/** The way back of `asMatrix`, into an array of the same kind. */
export function fromMatrix<Values extends Float32Array | Uint8Array>(matrix: Values, order: Int32Array): Values {
  const values = matrix.slice() as Values;
  for (let at = 0; at < order.length; at++) values[order[at]!] = matrix[at]!;
  return values;
}

/** The offset of every index of the axes, the last running fastest. */
function offsets(axes: readonly number[], shape: readonly number[], strides: readonly number[]): number[] {
  let all = [0];
  for (const axis of axes) {
    all = all.flatMap((base) => Array.from({ length: shape[axis]! }, (_, index) => base + index * strides[axis]!));
  }
  return all;
}

/** An Embedding's own unit axes are those of a row, which no other kernel's units are made of. */
function inputAxes({ shape, axes, unitAxes }: WeightSpec): readonly number[] {
  const all = [...shape.keys()];
  const output = axes?.output ?? shape.length - 1;
  if (unitAxes && (axes === undefined || axes.input === axes.output || unitAxes.includes(axes.input))) {
    return all.filter((axis) => unitAxes.includes(axis));
  }
  return all.filter((axis) => axis !== output);
}
