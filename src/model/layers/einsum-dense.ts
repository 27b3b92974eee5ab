import { coupleActivation } from './channel-mixing.ts';
import { einsumEquation, einsumSizes } from './einsum-equation.ts';
import type { LayerClass, Options, Shape } from './layer-class.ts';
import { size } from './layer-class.ts';
import { activationName, firstRefusal, refuseActivation } from './options.ts';

/** EinsumDense: one contraction of the input with a kernel, by an equation such as `abc,cd->abd`. */
export const einsumDense: LayerClass = {
  refuse: (options) =>
    firstRefusal(
      refuseActivation(options),
      options.lora_rank === null || options.lora_rank === undefined
        ? null
        : { option: 'lora_rank', received: options.lora_rank, accepted: 'null; merge the LoRA weights into the kernel first' },
    ),
  outputShape: (options, [input]) => {
    const { equation, sizes } = read(options, input!);
    return equation.output.slice(1).map((label) => sizes.get(label)!);
  },
  weights: (options, [input]) => {
    const { equation, sizes } = read(options, input!);
    const kernel = fixed(equation.kernel, sizes);
    const axes = {
      input: equation.kernel.findIndex((label) => !equation.output.includes(label)),
      output: equation.kernel.indexOf(equation.output.findLast((label) => equation.kernel.includes(label)) ?? ''),
    };
    const unitAxes = equation.kernel.flatMap((label, axis) => (equation.output.includes(label) ? [] : [axis]));
    const spec = { name: 'kernel', shape: kernel, role: 'kernel', unitAxes } as const;
    return [
      axes.input >= 0 && axes.output >= 0 ? { ...spec, axes } : spec,
      ...(options.bias_axes ? [{ name: 'bias', shape: biasShape(options, equation.output, sizes), role: 'bias' } as const] : []),
    ];
  },
  macs: (options, [input]) => {
    const { equation, sizes } = read(options, input!);
    const labels = new Set([...equation.input.slice(1), ...equation.kernel]);
    return size([...labels].map((label) => sizes.get(label)!));
  },
  couple: (options, coupling) => {
    const { equation } = read(options, coupling.inputShapes[0]!);
    const { input, kernel, output } = equation;
    const inputs = coupling.inputs[0]!;
    const [from, to] = [input.at(-1)!, output.at(-1)!];
    coupling.reads(0);
    if (kernel.includes(from)) coupling.bind('kernel', kernel.indexOf(from), inputs);
    // Channels that end up on another axis are places there.
    if (output.includes(from) && from !== to)
      coupling.freeze(inputs, 'UNFOLLOWED_LAYER', 'an EinsumDense keeps them as an axis of its own');
    const isOwn = kernel.includes(to) && !input.includes(to);
    const units = from === to ? inputs : coupling.fresh(coupling.outputShape.at(-1) ?? 1);
    if (!isOwn && from !== to) coupling.freeze(units, 'UNFOLLOWED_LAYER', 'an EinsumDense makes channels of places');
    if (isOwn) {
      coupling.bind('kernel', kernel.indexOf(to), units);
      coupling.resize('output_shape', units);
    } else if (from === to && !to.startsWith('.') && Array.isArray(options.output_shape) && options.output_shape.at(-1) !== null)
      coupling.resize('output_shape', units);
    // The bias covers the output up to its last axis.
    if (typeof options.bias_axes === 'string' && options.bias_axes.includes(to)) {
      const first = Math.min(...[...options.bias_axes].map((label) => output.indexOf(label)));
      coupling.bind('bias', output.length - first - 1, units);
    }
    return coupleActivation(options, coupling, units);
  },
  activation: activationName,
};

function read(options: Options, input: Shape) {
  const equation = einsumEquation(options, input.length + 1);
  return { equation, sizes: einsumSizes(options, equation, input) };
}

function fixed(labels: readonly string[], sizes: ReadonlyMap<string, number | null>): number[] {
  return labels.map((label) => {
    const length = sizes.get(label);
    if (length === null || length === undefined) throw new Error(`axis ${label} of the kernel must have a fixed size`);
    return length;
  });
}

/** Keras' bias covers the output from its first bias axis on, with 1 where an axis is none. */
function biasShape(options: Options, output: readonly string[], sizes: ReadonlyMap<string, number | null>): number[] {
  const axes = [...String(options.bias_axes)];
  const stray = axes.find((label) => !output.includes(label));
  if (stray !== undefined) throw new Error(`bias_axes has ${stray}, which is no axis of the output`);
  const first = Math.min(...axes.map((label) => output.indexOf(label)));
  return output.slice(first).flatMap((label) => (axes.includes(label) ? fixed([label], sizes) : [1]));
}
