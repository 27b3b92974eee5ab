/** A Keras config as JSON (`model.to_json()`) beside its weights as safetensors, in one zip or as several files. */
import { Problem, received } from '../../errors.ts';
import { isKeras2 } from '../dialect.ts';
import { type ModelDocument, makeDocument } from '../document.ts';
import { readGraph, weightKey } from '../graph.ts';
import { configText } from './config-text.ts';
import type { HalfPrecision } from './half-precision.ts';
import { parseObject } from './parse-json.ts';
import { readSafetensors, type Safetensor, writeSafetensors } from './safetensors.ts';
import { inStockKeras3, isKeras3File } from './stock-keras-3.ts';
import { FileWeights, storedDoubles } from './stored-weights.ts';
import { matchWeights } from './weight-names.ts';
import { writeZip } from './zip.ts';

const NARROW: Partial<Record<Safetensor['dtype'], HalfPrecision>> = { F16: 'float16', BF16: 'bfloat16' };

/** Whether a JSON object is a Keras config. */
export function isKerasConfig(value: Record<string, unknown>): boolean {
  return typeof value.class_name === 'string' && typeof value.config === 'object' && value.config !== null;
}

/**
 * The document of a config and its weights, by the names that `matchWeights` knows.
 * Throws Problem: MODEL_UNREADABLE, WEIGHTS_MISMATCH, NON_FINITE_WEIGHTS and those of `readGraph`.
 */
export function readKerasSafetensors(configFile: Buffer, weightFiles: readonly { name: string; bytes: Buffer }[]): ModelDocument {
  const config = parseObject(configFile, 'The config');
  const files = weightFiles.map(({ name, bytes }) => readSafetensors(bytes, name));
  const tensors = files.flatMap((file) => file.tensors);
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) throw new Problem('MODEL_UNREADABLE', `The weights hold ${received(name)} twice.`);
    seen.add(name);
  }
  const graph = readGraph(config);
  const matched = matchWeights(graph, tensors);
  const read = new FileWeights();
  for (const layer of graph.layers) {
    for (const spec of layer.weights) {
      const tensor = matched.get(weightKey(layer, spec.name))!;
      read.add(layer, spec, { ...tensor, narrow: NARROW[tensor.dtype] }, tensor.name);
    }
  }
  const metadata = Object.assign({}, ...files.map((file) => file.metadata)) as Record<string, unknown>;
  return makeDocument({ config, metadata, weights: read.weights, extras: [], source: read.source('safetensors') });
}

/** A zip of `config.json` and `model.safetensors`; numbers are of the types they were uploaded in. The same document gives the same bytes. */
export async function writeKerasSafetensors(document: ModelDocument): Promise<Buffer> {
  const { source, graph, weights } = document;
  const isOwn = source.format === 'safetensors';
  const config = isOwn || (isKeras3File(source.format) && !isKeras2(document.config)) ? document.config : inStockKeras3(document);
  const tensors = graph.layers.flatMap((layer) =>
    layer.weights.map((spec): Safetensor => {
      const key = weightKey(layer, spec.name);
      const { shape, data } = weights.get(key)!;
      const name = (isOwn ? source.names.get(key) : undefined) ?? key;
      if (spec.stored === 'int64') return { name, shape, dtype: 'I64', data: BigInt64Array.from(data, BigInt) };
      const doubles = storedDoubles(data, source.doubles.get(key));
      if (doubles) return { name, shape, dtype: 'F64', data: doubles };
      const narrow = source.narrow.get(key);
      return { name, shape, dtype: narrow === 'float16' ? 'F16' : narrow === 'bfloat16' ? 'BF16' : 'F32', data };
    }),
  );
  return writeZip([
    ['config.json', Buffer.from(configText(config))],
    ['model.safetensors', writeSafetensors(tensors, isOwn ? document.metadata : {})],
  ]);
}
