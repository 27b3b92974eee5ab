import type { LayerClass, Options, WeightSpec } from './layer-class.ts';

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
