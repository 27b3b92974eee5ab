import type { WrappedLayer } from '../../model/layers/wrapped.ts';
import { type Execution, type Invocation, listed } from './execution.ts';

/** The outputs of a layer inside another, run on its own options, and on the weights in its folder. */
export function runWrapped(execution: Execution, layer: WrappedLayer, folder: string, invocation: Invocation): Invocation['inputs'] {
  const start = `${folder}/`;
  const own = Object.entries(invocation.weights).filter(([name]) => name.startsWith(start));
  const alive = Object.entries(invocation.alive ?? {}).filter(([name]) => name.startsWith(start));
  const outputs = execution({
    ...invocation,
    ...(alive.length > 0 ? { alive: Object.fromEntries(alive.map(([name, value]) => [name.slice(start.length), value])) } : {}),
    callOptions: {},
    options: layer.options,
    weights: Object.fromEntries(own.map(([name, value]) => [name.slice(start.length), value])),
    update: (weight, value) => invocation.update(`${start}${weight}`, value),
  });
  return listed(outputs);
}
