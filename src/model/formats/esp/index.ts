/** `.esp` files as documents: docs/esp.md. */
import { readFile } from 'node:fs/promises';
import { Problem } from '../../../errors.ts';
import { type ModelDocument, makeDocument, type Weights } from '../../document.ts';
import { forgetBuilds } from '../../edit-config.ts';
import { type Call, type Graph, readGraph, weightKey } from '../../graph.ts';
import { configValue } from '../config-text.ts';
import type { HalfPrecision } from '../half-precision.ts';
import { parseObject } from '../parse-json.ts';
import { inStockKeras3, isKeras3File, keras3Version } from '../stock-keras-3.ts';
import { decodeTensors, encodeContainer, openContainer } from './container.ts';
import type { Periods } from './matrix.ts';
import { fromTemplates, inTemplates } from './templates.ts';

/**
 * The bytes of an `.esp` file: the config as Keras 3 takes it with its compilation, and every weight of every layer without loss. What a `.keras` file holds
 * beside weights, the state of an optimizer and of random generators and when it was saved, is left out. The same document gives the same bytes.
 * Throws Problem UNSUPPORTED_CONVERSION.
 */
export function writeEsp(document: ModelDocument): Buffer {
  const { graph, weights, source, metadata } = document;
  const own = isKeras3File(source.format);
  const { date_saved: _, ...about } = metadata;
  const text = textFor(own ? document.config : inStockKeras3(document), own ? about : { keras_version: keras3Version(metadata) });
  const tensors = graph.layers.flatMap((layer) => {
    const call = graph.calls.find((candidate) => candidate.layer === layer);
    return layer.weights.map(({ name, role }) => {
      const key = weightKey(layer, name);
      const { shape, data } = weights.get(key)!;
      const periods = role === 'kernel' && call ? periodsOf(graph, call, shape) : NONE;
      return { shape, data, narrow: source.narrow.get(key) ?? null, periods };
    });
  });
  return encodeContainer({ text, tensors });
}

/** The bytes that numbers take in an `.esp` file, without its text, its header and its checksum. Throws Problem MODEL_UNREADABLE. */
export function codeBytes(file: Uint8Array): number {
  return openContainer(Buffer.from(file.buffer, file.byteOffset, file.byteLength)).code.length;
}

/** About what the file of a network with this config takes beside its numbers, in bytes. */
export function espTextBytes(config: Json): number {
  return encodeContainer({ text: textFor(config, {}), tensors: [] }).length;
}

function textFor(config: Json, metadata: Json): string {
  const own = structuredClone(config);
  forgetBuilds(own);
  return JSON.stringify({ config: inTemplates(configValue(withoutAddresses(own))), metadata });
}

/** Throws Problem MODEL_UNREADABLE and those of `readGraph`. */
export async function readEsp(path: string): Promise<ModelDocument> {
  const { text, code } = openContainer(await readFile(path));
  const { config, metadata } = textOf(text);
  const graph = readGraph(config);
  const wanted = graph.layers.flatMap((layer) => layer.weights.map((spec) => spec.shape));
  const tensors = decodeTensors(code, wanted);
  const weights: Weights = new Map();
  const narrow = new Map<string, HalfPrecision>();
  const keys = graph.layers.flatMap((layer) => layer.weights.map(({ name }) => weightKey(layer, name)));
  for (const [index, key] of keys.entries()) {
    const { shape, data, narrow: type } = tensors[index]!;
    weights.set(key, { shape, data });
    if (type) narrow.set(key, type);
  }
  return makeDocument({
    config,
    metadata,
    weights,
    extras: [],
    source: { format: 'esp', names: new Map(), narrow, doubles: new Map() },
  });
}

/** The Keras config of a file that has been read before, with its compilation; its numbers are not decoded. Throws Problem MODEL_UNREADABLE. */
export async function readEspConfig(path: string): Promise<Json> {
  return textOf(openContainer(await readFile(path)).text).config;
}

type Json = Record<string, unknown>;

function textOf(text: string): { config: Json; metadata: Json } {
  const { config: short, metadata } = parseObject(text, 'The text of the .esp file');
  const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
  const config = deep(() => fromTemplates(short));
  if (!isObject(config)) throw new Problem('MODEL_UNREADABLE', 'The .esp file cannot be read: its text has no config.');
  return { config, metadata: isObject(metadata) ? metadata : {} };
}

function deep<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new Problem('MODEL_UNREADABLE', 'The .esp file cannot be read: its text is nested too deeply.');
    throw error;
  }
}

/**
 * The config without where in memory Keras had its objects: that layers share a policy of types says nothing, and of others that are shared the numbers are
 * 1, 2, … in place of addresses.
 */
function withoutAddresses(config: Json): Json {
  const numbers = new Map<unknown, number>();
  const without = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(without);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
      if (key !== 'shared_object_id') return [[key, without(item)]];
      if ((value as Json).class_name === 'DTypePolicy') return [];
      if (!numbers.has(item)) numbers.set(item, numbers.size + 1);
      return [[key, numbers.get(item)]];
    });
    return Object.fromEntries(entries);
  };
  return without(config) as Json;
}

const NONE: Periods = { place: 0, row: 0 };

/** A convolution's window, or the image that was flattened in front of a dense layer: inputs so far apart have to do with one another. */
function periodsOf(graph: Graph, call: Call, shape: readonly number[]): Periods {
  if (shape.length > 2) {
    const place = shape.at(-2)!;
    return { place, row: shape.length > 3 ? place * shape.at(-3)! : 0 };
  }
  let tensor = call.inputs[0]!;
  for (;;) {
    const image = graph.shapes[tensor]!;
    if (image.length === 3 && shape.length === 2 && image.reduce<number>((product, length) => product * Number(length), 1) === shape[0]) {
      return { place: Number(image[2]), row: Number(image[1]) * Number(image[2]) };
    }
    const made = graph.calls.find(({ outputs }) => outputs.includes(tensor));
    if (made?.inputs.length !== 1) return NONE;
    tensor = made.inputs[0]!;
    if (!['Flatten', 'Dropout', 'Activation', 'ReLU', 'Reshape'].includes(made.layer.className)) {
      return NONE;
    }
  }
}
