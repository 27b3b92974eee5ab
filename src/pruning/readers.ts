/** The kernels that read the units of a group. */
import { weightKey } from '../model/graph.ts';
import type { Units } from '../model/layers/index.ts';
import type { ChannelGroup, ChannelMap } from './groups.ts';
import { type PrunableKernel, prunableKernels } from './kernels.ts';

export interface Reader {
  kernel: PrunableKernel;
  /** The kernel's axis that counts what it reads. */
  axis: number;
  /** The unit at each index of that axis. */
  units: Units;
}

/** The kernels whose input axis follows units of the group, depthwise ones left out: these pass their channels on. */
export function readersOf(map: ChannelMap, group: ChannelGroup): Reader[] {
  const own = new Set(group.units);
  return readers(map).filter(({ units }) => units.some((unit) => own.has(unit)));
}

/** All kernels whose input axis follows units. */
export function readers(map: ChannelMap): Reader[] {
  const axes = new Map(
    map.graph.layers.flatMap((layer) => layer.weights.map((weight) => [weightKey(layer, weight.name), weight.axes?.input] as const)),
  );
  return prunableKernels(map.graph, { exclude: [] })
    .filter((kernel) => !kernel.depthwise && !kernel.weight.endsWith('recurrent_kernel'))
    .flatMap((kernel) =>
      (map.bindings.get(kernel.key) ?? [])
        .filter(({ axis }) => axis === axes.get(kernel.key))
        .map(({ axis, units }) => ({ kernel, axis, units })),
    );
}
