/** What a model costs, by static inference: no TensorFlow. */
import type { Call, Graph } from './graph.ts';
import { layerClass, size } from './layers/index.ts';

export interface CallCosts {
  call: Call;
  macs: number;
}

/** Multiply-accumulates of each call for one sample; a shared layer costs once a call. */
export function callMacs(graph: Graph): CallCosts[] {
  return graph.calls.map((call) => ({
    call,
    macs:
      layerClass(call.layer.className).macs?.(
        call.layer.options,
        call.inputs.map((tensor) => graph.shapes[tensor]!),
        call.outputShape,
      ) ?? 0,
  }));
}

/** Multiply-accumulates of the whole model for one sample. */
export function totalMacs(graph: Graph): number {
  return callMacs(graph).reduce((total, { macs }) => total + macs, 0);
}

/** The number of weights; `trainable` counts those that training may change. */
export function parameterCount(graph: Graph): { total: number; trainable: number } {
  let total = 0;
  let trainable = 0;
  for (const layer of graph.layers) {
    for (const weight of layer.weights) {
      total += size(weight.shape);
      if (layer.trainable && weight.role !== 'statistic') trainable += size(weight.shape);
    }
  }
  return { total, trainable };
}
