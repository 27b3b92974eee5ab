import type { ConfigPath, Coupling, LayerClass, Options, WeightSpec } from './layer-class.ts';

/** A layer inside another's config. */
export interface WrappedLayer {
  className: string;
  options: Options;
  facts: LayerClass;
}

/** The layer under `option` of a wrapper's config. Throws an Error where it is none of `classes`. */
export function wrappedLayer(options: Options, option: string, classes: Record<string, LayerClass>): WrappedLayer {
  const layer = (options[option] ?? {}) as { module?: unknown; class_name?: unknown; config?: unknown };
  const own = typeof layer.module !== 'string' || layer.module.startsWith('keras');
  const className = String(layer.class_name);
  if (!own || !Object.hasOwn(classes, className) || typeof layer.config !== 'object' || layer.config === null) {
    throw new Error(`${option} is ${own ? className : `${layer.module}.${className}`}; accepted: ${Object.keys(classes).join(', ')}`);
  }
  return { className, options: layer.config as Options, facts: classes[className]! };
}

/** The weights of a wrapped layer as the wrapper's: `<folder>/<name>`, stored in that folder. */
export function inFolder(folder: string, weights: readonly WeightSpec[]): WeightSpec[] {
  return weights.map((spec, index) => ({ ...spec, name: `${folder}/${spec.name}`, store: `${folder}/${spec.store ?? `vars/${index}`}` }));
}

/** How a wrapped layer couples: its weights are in that folder, its numbers stand at that path of the wrapper's config. */
export function couplingInside(coupling: Coupling, folder: string, path: ConfigPath, changes: Partial<Coupling>): Coupling {
  const inFolder = (name: string): string => `${folder}/${name}`;
  return {
    ...coupling,
    inner: (kind, name, count) => coupling.inner(kind, inFolder(name), count),
    silenced: (name, units) => coupling.silenced(inFolder(name), units),
    bind: (weight, axis, units) => coupling.bind(inFolder(weight), axis, units),
    resize: (option, units) => coupling.resize([...path, ...[option].flat()], units),
    rescale: (weight, units) => coupling.rescale(inFolder(weight), units),
    ...changes,
  };
}
