/** Model files in every format: read by content and not by name, written in the format asked for. */
import { open } from 'node:fs/promises';
import { posix } from 'node:path';
import { Problem, received } from '../../errors.ts';
import { withFreeAxes } from '../at-samples.ts';
import type { ModelDocument } from '../document.ts';
import { type ModelFormat, OUTPUT_FORMATS, type OutputFormat } from '../facts.ts';
import { MAGIC } from './esp/container.ts';
import { readEsp, readEspConfig, writeEsp } from './esp/index.ts';
import { readH5, readH5Config, refuseH5, writeH5 } from './h5.ts';
import { type ReadOptions, readKeras, readKerasConfig, writeKeras } from './keras.ts';
import { isKerasConfig, readKerasSafetensors, writeKerasSafetensors } from './keras-safetensors.ts';
import { refuseOnnx, writeOnnx } from './onnx/index.ts';
import { parseObject } from './parse-json.ts';
import { isSafetensors } from './safetensors.ts';
import { isKeras3File, refuseKeras3 } from './stock-keras-3.ts';
import { isTfjsModel, readTfjs, refuseTfjs, tfjsConfig, writeTfjs } from './tfjs.ts';
import { refuseTflite, writeTflite } from './tflite/index.ts';
import { listZip, readZip } from './zip.ts';

/** What is known of a format besides how it is read and written. */
export interface FormatFacts {
  /** Of a file's name. */
  extension: string;
  mediaType: string;
}

export const FORMATS: Readonly<Record<OutputFormat, FormatFacts>> = {
  keras: { extension: '.keras', mediaType: 'application/octet-stream' },
  h5: { extension: '.h5', mediaType: 'application/x-hdf5' },
  tfjs: { extension: '.tfjs.zip', mediaType: 'application/zip' },
  safetensors: { extension: '.safetensors.zip', mediaType: 'application/zip' },
  esp: { extension: '.esp', mediaType: 'application/octet-stream' },
  onnx: { extension: '.onnx', mediaType: 'application/octet-stream' },
  tflite: { extension: '.tflite', mediaType: 'application/octet-stream' },
  tflite_float16: { extension: '.float16.tflite', mediaType: 'application/octet-stream' },
  tflite_int8: { extension: '.int8.tflite', mediaType: 'application/octet-stream' },
};

const READ =
  'Read are .keras files, whole models in .h5, layers models of TensorFlow.js (model.json and its weights, as a zip or as several parts), a Keras config beside .safetensors, and .esp files.';

/** JSON of an archive: a config. */
const LONGEST_JSON = 64 * 2 ** 20;
/** Any entry of an archive. */
const LONGEST_ENTRY = 1.5 * 2 ** 30;

/** Reads a model file. Throws Problem UNSUPPORTED_FORMAT for what is none, with what to do instead, and those of the formats' readers. */
export async function readModel(path: string, options: ReadOptions = {}): Promise<ModelDocument> {
  switch (await containerOf(path)) {
    case 'keras':
      return readKeras(path, options);
    case 'hdf5':
      return readH5(path, options);
    case 'esp':
      return readEsp(path);
    case 'archive': {
      const parts = await partsOf(path);
      return parts.format === 'tfjs' ? readTfjs(parts.model, parts.shard) : readKerasSafetensors(parts.config, parts.weights);
    }
  }
}

/** The Keras config of a model file that has been read before, with its compilation. Throws what `readModel` throws of the file's form. */
export async function readModelConfig(path: string): Promise<Record<string, unknown>> {
  switch (await containerOf(path)) {
    case 'keras':
      return readKerasConfig(path);
    case 'hdf5':
      return readH5Config(path);
    case 'esp':
      return readEspConfig(path);
    case 'archive': {
      const parts = await partsOf(path);
      return parts.format === 'tfjs' ? tfjsConfig(parts.model) : parseObject(parts.config, 'The config');
    }
  }
}

/**
 * The bytes of a document in a format. The optimizer's variables are in it where the document has them and the format keeps them, unless `optimizer` is
 * false. The same document gives the same bytes; free axes stay free. Throws Problem UNSUPPORTED_CONVERSION.
 */
export async function writeModel(
  given: ModelDocument,
  format: OutputFormat,
  options: { optimizer?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const document = withFreeAxes(given);
  switch (format) {
    case 'keras':
      return Uint8Array.from(await writeKeras(document, options));
    case 'h5':
      return writeH5(document, options);
    case 'tfjs':
      return Uint8Array.from(await writeTfjs(document));
    case 'safetensors':
      return Uint8Array.from(await writeKerasSafetensors(document));
    case 'esp':
      return Uint8Array.from(writeEsp(document));
    case 'onnx':
      return writeOnnx(document);
    case 'tflite':
      return writeTflite(document, 'float32');
    case 'tflite_float16':
      return writeTflite(document, 'float16');
    case 'tflite_int8':
      return writeTflite(document, 'int8');
  }
}

/** How many bytes the file of a document has without the state of an optimizer: what sizes are told and compared by. Throws as `writeModel`. */
export async function fileBytes(document: ModelDocument, format: ModelFormat): Promise<number> {
  return (await writeModel(document, format, { optimizer: false })).length;
}

const refuseForeign = (isOwn: (format: ModelFormat) => boolean) => (document: ModelDocument) => {
  if (!isOwn(document.source.format)) refuseKeras3(document);
};
/** Each throws Problem UNSUPPORTED_CONVERSION for a document that cannot be written in the format. */
const REFUSALS: Readonly<Record<OutputFormat, (document: ModelDocument) => void>> = {
  keras: refuseForeign(isKeras3File),
  h5: refuseH5,
  tfjs: refuseTfjs,
  safetensors: refuseForeign((format) => format === 'safetensors'),
  esp: refuseForeign(isKeras3File),
  onnx: refuseOnnx,
  tflite: (document) => refuseTflite(document, 'float32'),
  tflite_float16: (document) => refuseTflite(document, 'float16'),
  tflite_int8: (document) => refuseTflite(document, 'int8'),
};

/** Whether the document can be written in the format, and stock Keras (of TensorFlow.js: its own loader) takes it. */
export function isWritable(document: ModelDocument, format: OutputFormat): boolean {
  try {
    REFUSALS[format](withFreeAxes(document));
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === 'UNSUPPORTED_CONVERSION') return false;
    throw error;
  }
}

/** The same operators with shorter numbers: where the longer can be written, so can they, and the network is gone through once. */
const SHORTER_THAN: Partial<Record<OutputFormat, OutputFormat>> = { tflite_float16: 'tflite', tflite_int8: 'tflite' };

/** The formats in which the document can be written. */
export function writableFormats(document: ModelDocument): OutputFormat[] {
  const formats = new Set<OutputFormat>();
  for (const format of OUTPUT_FORMATS) {
    const longer = SHORTER_THAN[format];
    if ((longer && formats.has(longer)) || isWritable(document, format)) formats.add(format);
  }
  return [...formats];
}

/** What kind of file it is, by its first bytes and an archive's names. */
async function containerOf(path: string): Promise<'keras' | 'hdf5' | 'esp' | 'archive'> {
  const file = await open(path);
  const head = Buffer.alloc(512);
  let length: number;
  try {
    length = (await file.read(head, 0, head.length, 0)).bytesRead;
  } finally {
    await file.close();
  }
  const start = head.subarray(0, length);
  const begins = (text: string): boolean => start.subarray(0, text.length).equals(Buffer.from(text, 'latin1'));
  if (begins('\x89HDF\r\n\x1a\n')) return 'hdf5';
  // Of any version: the reader says which it knows.
  if (begins(MAGIC.toString('latin1', 0, 3))) return 'esp';
  if (begins('PK\x03\x04') || begins('PK\x05\x06')) return archiveOf(await listZip(path));
  throw new Problem('UNSUPPORTED_FORMAT', `${READ} Received: ${described(start)}.`);
}

function archiveOf(names: readonly string[]): 'keras' | 'archive' {
  const holds = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  const refuse = (what: string): never => {
    throw new Problem('UNSUPPORTED_FORMAT', `${READ} Received: ${what}.`);
  };
  if (names.includes('model.weights.h5') || names.includes('metadata.json')) {
    if (!names.includes('config.json') && !names.includes('metadata.json'))
      refuse('an archive of weights without a config; save the whole model with model.save("model.keras")');
    return 'keras';
  }
  if (names.includes('model.weights.npz')) refuse('a .keras file whose weights are npz; save it with Keras’ default, HDF5');
  if (holds(/(^|\/)(saved_model|keras_metadata)\.pb$/)) {
    refuse('a TensorFlow SavedModel; load it with tf.keras.models.load_model and save it with model.save("model.h5")');
  }
  if (holds(/(^|\/)data\.pkl$/)) refuse('a PyTorch file, which holds pickles; rebuild the model in Keras and save it as .keras');
  if (holds(/\.npy$/)) refuse('NumPy arrays (.npz), which are a data set or weights without a model');
  return 'archive';
}

/** A file that is no model that can be read, in words, with what to do where that is known. */
function described(start: Buffer): string {
  const begins = (...bytes: number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  const text = start.toString('latin1');
  if (start.every((byte) => byte === 0)) return 'nothing but zeros, or an empty file';
  if (begins(0x80) && start[1]! >= 2 && start[1]! <= 5)
    return 'a pickle, which is code and never read; save the model with model.save("model.keras")';
  if (text.slice(4, 8) === 'TFL3')
    return 'a TensorFlow Lite model, from which the Keras model cannot be had back; upload the model that it was converted from';
  if (text.startsWith('\x93NUMPY')) return 'a NumPy array';
  if (text.startsWith('GGUF')) return 'a GGUF file; rebuild the model in Keras and save it as .keras';
  if (begins(0x1f, 0x8b)) return 'a gzip file; send what is in it';
  if (text.slice(257, 262) === 'ustar') return 'a tar archive; send a zip, or the files as several parts';
  if (isSafetensors(start)) return 'safetensors without a config; send model.to_json() as another part, or both in a zip';
  if (/^\s*\{/.test(text)) return 'a JSON file; send its weights as further parts, or all in a zip';
  // A protocol buffer whose first field is a small version, and whose next is the producer's name or the domain.
  if (begins(0x08) && start[1]! < 20 && (start[2] === 0x12 || start[2] === 0x3a))
    return 'an ONNX model, from which the Keras model cannot be had back; upload the model that it was made of';
  return `something that begins with the bytes ${start.subarray(0, 8).toString('hex')}`;
}

type Parts =
  | { format: 'tfjs'; model: Record<string, unknown>; shard: (path: string) => Buffer | null }
  | { format: 'safetensors'; config: Buffer; weights: { name: string; bytes: Buffer }[] };

/** The parts of an archive by their content; names count where the manifest of TensorFlow.js names them. */
async function partsOf(path: string): Promise<Parts> {
  const { names, entries } = await readZip(path, LONGEST_ENTRY);
  const weights = [...entries].filter(([, bytes]) => isSafetensors(bytes)).map(([name, bytes]) => ({ name, bytes }));
  const configs: Buffer[] = [];
  let damaged: string | null = null;
  for (const [name, bytes] of entries) {
    if (bytes.length > LONGEST_JSON || !/^\s*\{/.test(bytes.toString('latin1', 0, 64))) continue;
    const object = objectOf(bytes);
    // Numbers may begin with the byte of a brace: only where nothing else is a model was this one.
    if (object === null) {
      damaged ??= name;
      continue;
    }
    if (isTfjsModel(object)) {
      const shard = (file: string) => entries.get(posix.join(posix.dirname(name), file)) ?? entries.get(file) ?? null;
      return { format: 'tfjs', model: object, shard };
    }
    if (isKerasConfig(object)) configs.push(bytes);
  }
  const [config, ...more] = configs;
  if (config && more.length === 0 && weights.length > 0) return { format: 'safetensors', config, weights };
  if (damaged !== null) throw new Problem('MODEL_UNREADABLE', `${damaged} in the archive looks like JSON and is not.`);
  const missing =
    weights.length > 0 ? 'a Keras config (model.to_json()) beside the .safetensors' : config ? 'the weights beside the config' : 'a model';
  throw new Problem(
    'UNSUPPORTED_FORMAT',
    more.length > 0
      ? `The archive holds ${configs.length} Keras configs; one is read.`
      : `${READ} The zip archive has not ${missing}. It holds: ${received(names.slice(0, 10))}`,
  );
}

function objectOf(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return null;
  }
}
