/**
 * The state of a document's optimizer: the numbers that Keras stores as `optimizer/vars/<i>`, under the names of the weights they belong to.
 * Source of the order: `build` and `add_optimizer_variables` in `keras/src/optimizers`, 3.15 and 3.9.
 */

import { received } from '../errors.ts';
import { isCustom } from './compile.ts';
import type { SerialisedOptimizer } from './compile-config.ts';
import type { Unread } from './compile-facts.ts';
import { isKeras2 } from './dialect.ts';
import type { ModelDocument, Weight, Weights } from './document.ts';
import type { Hdf5Dataset } from './formats/hdf5.ts';
import { type Graph, weightKey } from './graph.ts';
import { size } from './layers/index.ts';
import { OPTIMIZER_CLASSES, type OptimizerClass, optimizerType } from './optimizer-classes.ts';

export interface OptimizerState extends SerialisedOptimizer {
  /** Updates made so far (of gradient accumulation: batches). */
  iterations: number;
  /** float32; null where a schedule gives it. */
  learningRate: number | null;
  /** By the weight's key and the slot's name in Keras (`momentum`, `velocity`, ...); float32, of the weight's shape. Frozen weights have none. */
  slots: Map<string, Map<string, Weight>>;
  /** Moving averages of the weights under `use_ema`, by the weight's key; null without. */
  averages: Weights | null;
  /** Numbers kept once for all weights (Nadam's `u_product`); float32. */
  scalars: Map<string, number>;
}

export type OptimizerReading =
  | { outcome: 'read'; state: OptimizerState }
  /** There is no optimizer, or it has not made a step. */
  | { outcome: 'none' }
  | { outcome: 'unread'; unread: Unread };

/** The keys of the weights that training moves, with their shapes, in the order of Keras' `model.trainable_variables`. */
export function trainableWeights({ layers }: Graph): { key: string; shape: readonly number[] }[] {
  return layers
    .filter((layer) => layer.trainable)
    .flatMap((layer) =>
      layer.weights.filter(({ role }) => role !== 'statistic').map(({ name, shape }) => ({ key: weightKey(layer, name), shape })),
    );
}

/** One variable of an optimizer, in stored order. */
type Place =
  | { kind: 'iterations' | 'learning_rate'; shape: readonly number[] }
  | { kind: 'scalar'; name: string; shape: readonly number[] }
  | { kind: 'average'; key: string; shape: readonly number[] }
  | { kind: 'slot'; key: string; slot: string; shape: readonly number[] };

const AVERAGE = 'average';
const ACCUMULATOR = 'gradient_accumulator';

/** The variables of an optimizer of this class and config; null for a class whose variables are not known. */
function places({ className, config }: SerialisedOptimizer, document: Pick<ModelDocument, 'graph' | 'metadata'>): Place[] | null {
  const type = optimizerType(className);
  if (type === null || OPTIMIZER_CLASSES[type].className !== className) return null;
  const { defaults, slots, scalars = [] }: OptimizerClass = OPTIMIZER_CLASSES[type];
  const options = { ...defaults, ...config };
  const weights = trainableWeights(document.graph);
  const each = (names: readonly string[]): Place[] =>
    weights.flatMap(({ key, shape }) =>
      names.map((slot): Place => (slot === AVERAGE ? { kind: 'average', key, shape } : { kind: 'slot', key, slot, shape })),
    );
  const shared = [...(options.use_ema ? [AVERAGE] : []), ...(options.gradient_accumulation_steps ? [ACCUMULATOR] : [])];
  const numbers = scalars.map((name): Place => ({ kind: 'scalar', name, shape: [] }));
  const scheduled = config.learning_rate !== null && typeof config.learning_rate === 'object';
  const old = isBefore310(document.metadata);
  return [
    { kind: 'iterations', shape: [] },
    ...(scheduled ? [] : [{ kind: 'learning_rate', shape: [] } as const]),
    ...(old ? each(shared) : shared.flatMap((name) => each([name]))),
    ...(old ? numbers : []),
    ...slots(options).flatMap(each),
    ...(old ? [] : numbers),
  ];
}

/** Keras 3.10 moved Nadam's product behind the slots, and accumulators behind all averages. */
function isBefore310({ keras_version: version }: Record<string, unknown>): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(String(version)) ?? [];
  return major === '3' && Number(minor) < 10;
}

/** The state of the document's optimizer. The document must have been read with its optimizer. */
export function readOptimizerState(document: ModelDocument): OptimizerReading {
  const datasets = document.optimizer ?? [];
  const { class_name: className, config } = optimizerEntry(document);
  if (datasets.length === 0) return { outcome: 'none' };
  const unread = (value: unknown, reason: string): OptimizerReading => ({
    outcome: 'unread',
    unread: { what: 'optimizer.state', value: received(value), reason },
  });
  if (isKeras2(document.config)) return unread('a state of Keras 2', 'What its variables are is known of Keras 3 alone.');
  if (typeof className !== 'string' || !config) {
    return unread(className, 'The file has variables of an optimizer, and no optimizer in its compile_config.');
  }
  const optimizer = { className, config };
  const expected = isCustom(optimizerEntry(document)) ? null : places(optimizer, document);
  if (!expected) return unread(className, 'What the variables of this optimizer are is not known here.');
  const head = expected.filter(({ kind }) => kind === 'iterations' || kind === 'learning_rate').length;
  if (datasets.length === head && expected.length > head) return { outcome: 'none' };
  if (datasets.length !== expected.length) {
    return unread(`${datasets.length} variables`, `${className} of this config has ${expected.length} for the model's trainable weights.`);
  }
  const state: OptimizerState = {
    ...optimizer,
    iterations: 0,
    learningRate: null,
    slots: new Map(trainableWeights(document.graph).map(({ key }) => [key, new Map()])),
    averages: optimizer.config.use_ema ? new Map() : null,
    scalars: new Map(),
  };
  const byPath = new Map(datasets.map((dataset) => [dataset.path, dataset]));
  for (const [index, place] of expected.entries()) {
    const dataset = byPath.get(pathOf(index));
    const fault = dataset ? faultOf(dataset, place) : 'is missing';
    if (!dataset || fault !== null) return unread(pathOf(index), `It ${fault}.`);
    put(state, place, dataset);
  }
  return { outcome: 'read', state };
}

function optimizerEntry({ config }: ModelDocument): { class_name?: unknown; config?: Record<string, unknown> | null } {
  const { optimizer } = (config.compile_config ?? {}) as { optimizer?: object | null };
  return optimizer ?? {};
}

const pathOf = (index: number): string => `optimizer/vars/${index}`;

function faultOf({ shape, data }: Hdf5Dataset, place: Place): string | null {
  if (shape.join() !== place.shape.join()) return `has the shape [${shape.join(', ')}]; [${place.shape.join(', ')}] is needed`;
  if (place.kind === 'iterations') {
    const count = Number(data[0]);
    return Number.isSafeInteger(count) && count >= 0 ? null : `counts ${data[0]} steps`;
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return 'does not hold floating-point numbers';
  return data.every(Number.isFinite) ? null : 'holds NaN or infinite numbers';
}

function put(state: OptimizerState, place: Place, { shape, data }: Hdf5Dataset): void {
  if (place.kind === 'iterations') {
    state.iterations = Number(data[0]);
    return;
  }
  const numbers = Float32Array.from(data as Float32Array);
  switch (place.kind) {
    case 'learning_rate':
      state.learningRate = numbers[0]!;
      break;
    case 'scalar':
      state.scalars.set(place.name, numbers[0]!);
      break;
    case 'average':
      state.averages!.set(place.key, { shape, data: numbers });
      break;
    case 'slot':
      state.slots.get(place.key)!.set(place.slot, { shape, data: numbers });
  }
}

/**
 * The document with this state for the optimizer of its compile_config, which must be of the state's class: see `withCompilation`. Slots that Keras
 * does not keep under that config (RMSprop's momentum at momentum 0) are left out. `dropped` says why Keras could not go on from the state; the
 * document then has none, and its compile_config stands.
 */
export function withOptimizerState(
  document: ModelDocument,
  state: Omit<OptimizerState, 'config'>,
): { document: ModelDocument; dropped: string | null } {
  const { optimizer: _, ...without } = document;
  const drop = (dropped: string) => ({ document: without, dropped });
  const { class_name: className, config } = optimizerEntry(document);
  if (isKeras2(document.config)) return drop('the model is of Keras 2, whose optimizers keep other variables');
  if (className !== state.className)
    return drop(`the model is compiled with ${received(className)}, and the state is of ${state.className}`);
  const expected = isCustom(optimizerEntry(document)) ? null : places({ className: state.className, config: config ?? {} }, document);
  if (!expected) return drop(`what the variables of ${state.className} are is not known`);
  const datasets: Hdf5Dataset[] = [];
  for (const [index, place] of expected.entries()) {
    const value = take(state, place);
    if (value === null) return drop(`the state has no ${nameOf(place)}`);
    if (value.length !== size(place.shape)) return drop(`${nameOf(place)} has another size than the weight`);
    datasets.push({ path: pathOf(index), shape: [...place.shape], dtype: value instanceof BigInt64Array ? '<q' : '<f', data: value });
  }
  return { document: { ...without, optimizer: datasets }, dropped: null };
}

function take(state: Omit<OptimizerState, 'config'>, place: Place): Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | null {
  switch (place.kind) {
    case 'iterations':
      return BigInt64Array.of(BigInt(state.iterations));
    case 'learning_rate':
      return state.learningRate === null ? null : Float32Array.of(state.learningRate);
    case 'scalar': {
      const value = state.scalars.get(place.name);
      return value === undefined ? null : Float32Array.of(value);
    }
    case 'average':
      return state.averages?.get(place.key)?.data ?? null;
    case 'slot':
      return state.slots.get(place.key)?.get(place.slot)?.data ?? null;
  }
}

function nameOf(place: Place): string {
  if (place.kind === 'slot') return `${place.slot} of ${place.key}`;
  return place.kind === 'average' ? `average of ${place.key}` : place.kind === 'scalar' ? place.name : place.kind.replace('_', ' ');
}
