/** The serialised objects of a Keras config: layers, models in models, and what is read of any of them. */
import { Problem, received } from '../errors.ts';
import type { Options } from './layers/index.ts';

export interface LayerConfig {
  class_name: string;
  /** Keras writes null for a class of the model's own. */
  module?: string | null;
  registered_name?: string | null;
  name?: string;
  config: Options & { name?: string; trainable?: boolean };
  build_config?: unknown;
  inbound_nodes?: unknown[];
}

/** A name as Keras makes it from a class name for the paths in a `.keras` file. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** Every layer's entry in a model's config, those in nested models too, by its name in the graph; and the entries of the models themselves. */
export function layerEntries(config: unknown, prefix = ''): { name: string; entry: LayerConfig }[] {
  const { layers } = (config as { config: { layers: LayerConfig[] } }).config;
  return layers.flatMap((entry) => {
    const name = `${prefix}${entry.config.name ?? entry.name}`;
    return [{ name, entry }, ...(isModel(entry) ? layerEntries(entry, `${name}/`) : [])];
  });
}

/** Whether the entry is a model by itself rather than a layer. */
export function isModel({ class_name, module: home }: LayerConfig): boolean {
  const module = home ?? 'keras';
  return /^keras(\.|$)/.test(module) && !module.startsWith('keras.layers') && ['Sequential', 'Functional', 'Model'].includes(class_name);
}

/**
 * The call that an output means by its number. There Keras counts a nested Functional model's calls from 1, since the model as it was built has a call of its
 * own; and 0, which earlier versions wrote, is the last.
 */
export function callOfOutput(entry: LayerConfig, call: number): number {
  if (!isModel(entry) || entry.class_name === 'Sequential') return call;
  return call > 0 ? call - 1 : Math.max(0, (entry.inbound_nodes ?? []).length - 1);
}

/** The value as a serialised object. Throws Problem MODEL_UNREADABLE. */
export function asLayerConfig(value: unknown, place: string): LayerConfig {
  const entry = value as Partial<LayerConfig> | null;
  const isObject =
    entry !== null &&
    typeof entry === 'object' &&
    typeof entry.class_name === 'string' &&
    typeof (entry.module ?? '') === 'string' &&
    typeof (entry.registered_name ?? '') === 'string' &&
    entry.config !== null &&
    typeof entry.config === 'object' &&
    Array.isArray(entry.inbound_nodes ?? []);
  if (!isObject) {
    throw new Problem('MODEL_UNREADABLE', `${place} is not a serialised Keras object. Received: ${received(value)}`);
  }
  return entry as LayerConfig;
}

/** The name of a layer in its own model. Throws Problem MODEL_UNREADABLE. */
export function layerName(entry: LayerConfig): string {
  const name = entry.config.name ?? entry.name;
  if (typeof name !== 'string' || name === '' || name.length > 512) {
    throw new Problem('MODEL_UNREADABLE', `A ${entry.class_name} layer has no name. Received: ${received(name)}`);
  }
  return name;
}

/** The name of a dtype policy, however it was written. */
export function dtypePolicy(dtype: unknown): string {
  if (dtype === null || dtype === undefined) return 'float32';
  if (typeof dtype === 'string') return dtype;
  const policy = dtype as { class_name?: unknown; config?: { name?: unknown } };
  return policy.class_name === 'DTypePolicy' ? String(policy.config?.name ?? 'float32') : String(policy.class_name);
}
