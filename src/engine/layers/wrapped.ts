import type { WrappedLayer } from '../../model/layers/wrapped.ts';
import type { Execution, Invocation } from './execution.ts';

/** Runs a layer inside another: on its own options, and on the weights in its folder. */
export function runWrapped(
  execution: Execution,
  layer: WrappedLayer,
  folder: string,
  invocation: Invocation,
): Invocation['inputs'][number] {
  const start = `${folder}/`;
  const own = Object.entries(invocation.weights).filter(([name]) => name.startsWith(start));
  return execution({
    ...invocation,
    options: layer.options,
    weights: Object.fromEntries(own.map(([name, value]) => [name.slice(start.length), value])),
    update: (weight, value) => invocation.update(`${start}${weight}`, value),
  });
}
