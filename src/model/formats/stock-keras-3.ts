/** A document's config as stock Keras 3 takes it in `config.json`, whatever format the document came in. */
import { Problem } from '../../errors.ts';
import { readCompile } from '../compile.ts';
import { serialisedLoss, serialisedOptimizer } from '../compile-config.ts';
import { inKeras3, isKeras2, KERAS_2_HARD_SIGMOID } from '../dialect.ts';
import type { ModelDocument } from '../document.ts';
import type { ModelFormat } from '../facts.ts';
import { lossType } from '../losses.ts';
import { withModules } from './training-config.ts';

type Json = Record<string, unknown>;

/** The version whose formats are written here. */
const KERAS = '3.15.1';

/** Metrics by names that Keras 3 resolves, besides those that are losses too. */
const METRICS = new Set([
  ...['accuracy', 'acc', 'binary_accuracy', 'categorical_accuracy', 'sparse_categorical_accuracy'],
  ...['top_k_categorical_accuracy', 'sparse_top_k_categorical_accuracy'],
]);

/** Whether files of the format hold the config in the words of `config.json` in a `.keras` file. */
export function isKeras3File(format: ModelFormat): boolean {
  return format === 'keras' || format === 'esp';
}

/** The version of Keras 3 that a document says it is of, else the one whose formats are written here. */
export function keras3Version({ keras_version: version }: Json): string {
  return typeof version === 'string' && version.startsWith('3.') ? version : KERAS;
}

/** Throws Problem UNSUPPORTED_CONVERSION for what Keras 3 would compute otherwise. */
export function refuseKeras3({ graph }: Pick<ModelDocument, 'graph'>): void {
  for (const layer of graph.layers) {
    if (JSON.stringify(layer.options).includes(`"${KERAS_2_HARD_SIGMOID}"`)) {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `Layer ${layer.name} (${layer.className}) has the hard_sigmoid of Keras 2, 0.2x + 0.5; Keras 3 has another function, x/6 + 0.5, under this name. Take the format the model came in.`,
      );
    }
  }
}

/** The config. Throws what `refuseKeras3` throws. */
export function inStockKeras3(document: Pick<ModelDocument, 'config' | 'graph'>): Json {
  refuseKeras3(document);
  const { config } = document;
  const { compile_config: compile, ...model } = inKeras3(config) as Json;
  const compiled = isKeras2(config) ? ofKeras2(config) : withModules(compile);
  return { ...withoutBuilds(model), ...(compiled ? { compile_config: compiled } : {}) };
}

/** What Keras 2 wrote, as far as it can be said in Keras 3's words: an optimizer that is known with its options, the loss, and metrics by name. */
function ofKeras2(config: Json): Json | null {
  const { settings } = readCompile(config) ?? {};
  if (!settings?.optimizer) return null;
  const { className, config: optimizer } = serialisedOptimizer(settings.optimizer);
  const metrics = settings.metrics.filter((name) => METRICS.has(name) || lossType(name) !== null);
  return {
    optimizer: { module: 'keras.optimizers', class_name: className, config: optimizer, registered_name: null },
    loss: settings.loss ? serialisedLoss(settings.loss) : null,
    loss_weights: null,
    metrics: metrics.length > 0 ? metrics : null,
    weighted_metrics: null,
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
  };
}

/** Keras builds layers anew from their inputs. */
function withoutBuilds(entry: Json): Json {
  const { build_config: _build, ...rest } = entry;
  const { config } = rest as { config?: { layers?: unknown } };
  if (!Array.isArray(config?.layers)) return rest;
  return { ...rest, config: { ...config, layers: config.layers.map((layer) => withoutBuilds(layer as Json)) } };
}
