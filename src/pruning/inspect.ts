/** Everything the service says of a model at upload, read without running it. */

import { readCompile } from '../model/compile.ts';
import { callMacs, parameterCount } from '../model/costs.ts';
import type { ModelDocument } from '../model/document.ts';
import { FREE_AXES, MASKED_OUTPUT, type ModelFacts, NOT_TRAINED, type PrunabilityFacts } from '../model/facts.ts';
import { readModel, writableFormats } from '../model/formats/index.ts';
import type { Graph, Layer, TensorId } from '../model/graph.ts';
import { dtypePolicy } from '../model/layer-config.ts';
import { layerClass, size } from '../model/layers/index.ts';
import { outputActivation } from '../model/output-call.ts';
import { channelMap } from './groups.ts';
import { prunableKernels } from './kernels.ts';

/** The facts of a model file. Throws the Problems of `readModel`. */
export async function readModelFacts(path: string): Promise<ModelFacts> {
  return modelFacts(await readModel(path));
}

/** The facts of a document. */
export function modelFacts(document: ModelDocument): ModelFacts {
  const { graph } = document;
  const parameters = parameterCount(graph);
  const macs = callMacs(graph);
  return {
    format: document.source.format,
    output_formats: writableFormats(document),
    keras_version: savedBy(document),
    name: graph.name,
    inputs: graph.inputs.map(({ name, shape }) => ({ name, shape: [null, ...shape] })),
    outputs: graph.outputs.map(({ name, shape, tensor }) => ({
      name,
      shape: [null, ...shape],
      activation: outputActivation(graph, tensor),
    })),
    parameters: parameters.total,
    trainable_parameters: parameters.trainable,
    macs: macs.reduce((total, cost) => total + cost.macs, 0),
    layers: graph.layers.map((layer) => {
      const calls = macs.filter(({ call }) => call.layer === layer);
      const count = layer.weights.reduce((total, weight) => total + size(weight.shape), 0);
      const fixed = layer.weights.filter((weight) => weight.role === 'statistic').reduce((total, weight) => total + size(weight.shape), 0);
      return {
        name: layer.name,
        class_name: layer.className,
        output_shape: [null, ...(calls[0]?.call.outputShape ?? [])],
        parameters: count,
        trainable_parameters: layer.trainable ? count - fixed : 0,
        macs: calls.reduce((total, cost) => total + cost.macs, 0),
      };
    }),
    compile: readCompile(document.config),
    prunability: prunability(document),
    warnings: warnings(document),
  };
}

/** The version that a file names, wherever its format does. */
function savedBy({ metadata, config }: ModelDocument): string | null {
  const { topology } = metadata as { topology?: { keras_version?: unknown } };
  const version = metadata.keras_version ?? topology?.keras_version ?? config.keras_version;
  return typeof version === 'string' ? version : null;
}

/** Which groups can be cut, and how many weights can be zeroed. */
export function prunability(document: ModelDocument): PrunabilityFacts {
  const kernels = prunableKernels(document.graph, { exclude: [] });
  return {
    groups: channelMap(document.graph).groups.map((group) => ({ layers: group.layers, units: group.units.length, frozen: group.frozen })),
    prunable_weights: kernels.reduce((total, kernel) => total + kernel.count, 0),
    prunable_layers: [...new Set(kernels.map((kernel) => kernel.layer))],
  };
}

/** What runs otherwise here than its author may expect, and what keeps jobs away. */
function warnings({ graph }: ModelDocument): ModelFacts['warnings'] {
  const masked = graph.outputs.filter(({ mask }) => mask !== undefined);
  const untrained = graph.layers.flatMap((layer) => {
    const reason = layerClass(layer.className).refuseTraining?.(layer.options) ?? null;
    return reason === null
      ? []
      : [{ code: NOT_TRAINED, detail: `Layer ${layer.name} (${layer.className}) is not trained with: ${reason}.` }];
  });
  const halves = graph.layers.filter((layer) => !layer.className.startsWith('ops.') && /float16/.test(dtypePolicy(layer.options.dtype)));
  return [
    ...masked.map(({ name }) => ({
      code: MASKED_OUTPUT,
      detail: `Output ${name} carries a mask, by which Keras leaves steps out of its loss and metrics; jobs do not take it yet.`,
    })),
    ...(halves.length === 0
      ? []
      : [
          {
            code: 'HALF_PRECISION_RUNS_IN_FLOAT32',
            detail: `Layers with a half-precision policy (${halves.length}, the first ${halves[0]!.name}) are computed in float32; Keras' own results are coarser.`,
          },
        ]),
    ...untrained,
    ...freeAxes(graph),
    ...graph.layers.flatMap(unappliedOptions),
  ];
}

/** That multiply-accumulates of a model alone are those of the shortest samples. */
function freeAxes(graph: Graph): ModelFacts['warnings'] {
  const isFree = (tensor: TensorId): boolean => graph.shapes[tensor]!.includes(null);
  const counted = callMacs(graph).filter(({ call, macs }) => macs > 0 && [...call.inputs, call.output].some(isFree));
  if (counted.length === 0) return [];
  const inputs = graph.inputs
    .filter(({ shape }) => shape.includes(null))
    .map(({ name, shape }) => `${name} [${shape.map((axis) => axis ?? 'any').join(', ')}]`);
  return [
    {
      code: FREE_AXES,
      detail: `Multiply-accumulates, of layer ${counted[0]!.call.layer.name} first, hang on free axes (${inputs.join(', ')}), which count as 1 here; jobs count them as long as their data's.`,
    },
  ];
}

/** The options of an ActivityRegularization that add to the loss. */
const penalises = ({ className }: Layer, option: string, value: unknown): boolean =>
  className === 'ActivityRegularization' && (option === 'l1' || option === 'l2') && value !== 0;

/** Options that training here does not honour. */
function unappliedOptions(layer: Layer): ModelFacts['warnings'] {
  return Object.entries(layer.options)
    .filter(([option, value]) => value !== null && (/_(regularizer|constraint)$/.test(option) || penalises(layer, option, value)))
    .map(([option]) => ({
      code: option.endsWith('_constraint') ? 'CONSTRAINT_NOT_APPLIED' : 'REGULARIZER_NOT_APPLIED',
      detail: `Layer ${layer.name} has a ${option}; it stays in the file, but training here does not apply it.`,
    }));
}
