/** The corpus: networks that stock Keras makes and saves, read, run and written here, and loaded again in stock Keras. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { forward } from '../../src/engine/network.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import { Problem } from '../../src/errors.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel, writableFormats, writeModel } from '../../src/model/formats/index.ts';
import type { LayerClassName } from '../../src/model/layers/index.ts';
import { modelFacts } from '../../src/pruning/inspect.ts';
import { numbersOf, stepOf, tensorOf } from '../helpers/engine.ts';
import type { KerasArray } from '../helpers/keras.ts';
import { KERAS_PYTHON } from '../helpers/keras-python.ts';
import { allowedDifference, FORMATS, type Format } from './found.ts';

/** An array in `numbers.bin`. */
interface Place {
  name?: string | null;
  offset: number;
  shape: number[];
}

/** What stock Keras says of a network: an entry of `networks.json`. */
export interface KerasFacts {
  name: string;
  group: string;
  classes: string[];
  /** By format: null, or why Keras cannot save it. */
  saved: Record<Format, string | null>;
  inputs: Place[];
  outputs: Place[];
  tolerance: number;
  /** How far Keras' own outputs move when its input moves by 1e-7, relative. */
  moved: number;
  parameters: number;
  trainable: number;
  /** Of one sample; null where a dimension is free. */
  macs: number | null;
  /** Of the layers of the model itself, by name, the batch's axis too. */
  shapes: Record<string, (number | null)[]>;
  step: { y: Place; loss: number } | null;
}

/** What became of one file of a network. */
export type Finding =
  /** `writtenAs` where it cannot be written in its own format: another, or null. `difference` of its outputs from Keras', relative. */
  | { kind: 'right'; writtenAs?: Format | null; difference?: number }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'wrong'; detail: string }
  /** Keras itself does not save it so. */
  | { kind: 'unsaved' };

export interface Result {
  facts: KerasFacts;
  formats: Record<Format, Finding>;
  /** Of one optimizer step, where one is compared. */
  step: Finding | null;
  /** Of the graph that was read, and those among them whose weights training moves. */
  classes: LayerClassName[];
  trainable: LayerClassName[];
}

/** Makes the networks in the folder whose names and groups fit the patterns, and finds out what becomes of each. */
export async function runCorpus(folder: string, { names = '', groups = '' } = {}): Promise<Result[]> {
  // Keras takes seconds to start: what checks at the end does so while the networks are made.
  const checking = startPython('check.py', folder);
  try {
    await python('make.py', folder, names, groups);
    return await compareCorpus(folder, { checking });
  } finally {
    checking.stop();
  }
}

/** Finds out what becomes of each network that `make.py` left in the folder, of those whose names fit. */
export async function compareCorpus(
  folder: string,
  { names = '', checking = startPython('check.py', folder) }: { names?: string; checking?: PythonScript } = {},
): Promise<Result[]> {
  const made = JSON.parse(readFileSync(join(folder, 'networks.json'), 'utf8')) as KerasFacts[];
  const networks = made.filter(({ name }) => new RegExp(names).test(name));
  const bytes = readFileSync(join(folder, 'numbers.bin'));
  const array = ({ offset, shape }: Place): KerasArray => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return { shape, data: new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + 4 * size)) };
  };

  const results: Result[] = [];
  const written: Written[] = [];
  for (const facts of networks) {
    const unsaved: Finding = { kind: 'unsaved' };
    const result: Result = { facts, formats: { keras: unsaved, h5: unsaved, tfjs: unsaved }, step: null, classes: [], trainable: [] };
    for (const format of FORMATS) {
      if (facts.saved[format] !== null) continue;
      const path = join(folder, `${facts.name}${EXTENSIONS[format]}`);
      result.formats[format] = await found(async () => {
        const document = await readModel(path, { optimizer: true });
        const { layers } = document.graph;
        if (format === 'keras') {
          result.classes = [...new Set(layers.map(({ className }) => className))].sort();
          const trained = layers.filter((layer) => layer.trainable && layer.weights.some(({ role }) => role !== 'statistic'));
          result.trainable = [...new Set(trained.map(({ className }) => className))];
        }
        compareCosts(document, facts);
        const difference = compareOutputs(document, facts, array);
        const writing = {
          facts,
          format,
          path,
          folder,
          array,
          written: (item: Omit<Written, 'result'>) => written.push({ ...item, result }),
        };
        return { ...(await writeBack(document, writing)), difference };
      });
      if (format === 'keras' && facts.step && result.formats.keras.kind !== 'refused') {
        result.step = await found(async () => {
          compareStep(await readModel(path), await readModel(join(folder, `${facts.name}.trained.keras`)), facts, array);
          return undefined;
        });
      }
    }
    results.push(result);
  }

  writeFileSync(
    join(folder, 'written.json'),
    JSON.stringify(written.map(({ name, path, format, from }) => ({ name, path, format, from }))),
  );
  await checking.run();
  const checked = JSON.parse(readFileSync(join(folder, 'checked.json'), 'utf8')) as Record<string, string | null>;
  for (const { path, format, from, result } of written) {
    const answer = checked[path];
    if (answer) result.formats[from] = { kind: 'wrong', detail: `written as ${format} and loaded in Keras, ${answer}` };
  }
  return results;
}

const EXTENSIONS: Record<Format, string> = { keras: '.keras', h5: '.h5', tfjs: '.tfjs.zip' };

/** A file that was written here, for stock Keras to load. */
interface Written {
  name: string;
  path: string;
  format: Format;
  /** The format of the file that was read. */
  from: Format;
  result: Result;
}

interface WritingBack {
  facts: KerasFacts;
  format: Format;
  path: string;
  folder: string;
  array: Read;
  written(file: Omit<Written, 'result'>): void;
}

/** Writes a document in its own format where that can be, twice; and for Keras, which does not load layers models, as `.keras`. */
async function writeBack(
  document: ModelDocument,
  { facts, format, path, folder, array, written }: WritingBack,
): Promise<Finding & { kind: 'right' }> {
  const formats = writableFormats(document);
  const write = async (target: Format): Promise<string> => {
    const first = await writeModel(document, target, { optimizer: true });
    const second = await writeModel(await readModel(path, { optimizer: true }), target, { optimizer: true });
    if (!Buffer.from(first).equals(second)) throw new Mismatch('written twice, the file differs');
    const again = join(folder, `${facts.name} of ${format}${EXTENSIONS[target]}`);
    writeFileSync(again, first);
    return again;
  };
  const own = formats.includes(format);
  if (format === 'tfjs' && own) compareOutputs(await readModel(await write('tfjs')), facts, array);
  const target = format !== 'tfjs' && own ? format : 'keras';
  if (!formats.includes(target)) return { kind: 'right', ...(own ? {} : { writtenAs: null }) };
  written({ name: facts.name, path: await write(target), format: target, from: format });
  return { kind: 'right', ...(own ? {} : { writtenAs: target }) };
}

/** A difference from stock Keras. */
class Mismatch extends Error {}

async function found(work: () => Promise<Finding | undefined>): Promise<Finding> {
  try {
    return (await work()) ?? { kind: 'right' };
  } catch (error) {
    if (error instanceof Problem) return { kind: 'refused', code: error.code, detail: error.message };
    return { kind: 'wrong', detail: error instanceof Mismatch ? error.message : String((error as Error).stack) };
  }
}

function same(what: string, actual: unknown, expected: unknown): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Mismatch(`${what} ${found}, in Keras ${wanted}`);
}

function compareCosts(document: ModelDocument, facts: KerasFacts): void {
  const { parameters, trainable_parameters, macs, layers } = modelFacts(document);
  same('parameters', parameters, facts.parameters);
  same('trainable parameters', trainable_parameters, facts.trainable);
  const shapes = new Map(layers.map((layer) => [layer.name, layer.output_shape]));
  for (const [name, [, ...shape]] of Object.entries(facts.shapes)) {
    const read = shapes.get(name);
    // Keras leaves some axes open that are known.
    const known = read?.slice(1).map((axis, index) => (shape[index] === null ? null : axis));
    if (known) same(`output shape of ${name}`, known, shape);
  }
  if (facts.macs !== null) same('multiply-accumulates', macs, facts.macs);
}

type Read = (place: Place) => KerasArray;

/** The arrays of the graph's inputs: by name where there are several. */
function inputsOf({ graph }: ModelDocument, facts: KerasFacts, array: Read): KerasArray[] {
  if (facts.inputs.length === 1 && graph.inputs.length === 1) return [array(facts.inputs[0]!)];
  return graph.inputs.map(({ name }) => {
    const place = facts.inputs.find((input) => input.name === name);
    if (!place) throw new Mismatch(`input ${name}, in Keras ${facts.inputs.map((input) => input.name).join(', ')}`);
    return array(place);
  });
}

/** The largest difference of an output from Keras', relative. Throws Mismatch where one is beyond what is allowed. */
function compareOutputs(document: ModelDocument, facts: KerasFacts, array: Read): number {
  const { graph } = document;
  const variables = Variables.from(document.weights);
  const outputs = tf.tidy(() => {
    const inputs = inputsOf(document, facts, array).map(tensorOf);
    return forward(graph, (key) => variables.read(key), inputs, { training: false }).map((output) => tf.keep(output));
  });
  variables.dispose();
  let largest = 0;
  try {
    same('outputs', graph.outputs.length, facts.outputs.length);
    // Keras orders the outputs of a dictionary by their keys.
    const byName = facts.outputs.every(({ name }) => typeof name === 'string') && facts.outputs.length > 1;
    facts.outputs.forEach((place, index) => {
      const at = byName ? graph.outputs.findIndex(({ name }) => name === place.name) : index;
      if (at < 0) throw new Mismatch(`outputs ${graph.outputs.map(({ name }) => name).join(', ')}, in Keras there is ${place.name}`);
      const expected = array(place);
      same(`shape of output ${index}`, outputs[at]!.shape, expected.shape);
      const distance = distanceOf(numbersOf(outputs[at]!), expected.data);
      const allowed = allowedDifference(facts);
      if (!(distance <= allowed)) throw new Mismatch(`output ${index} differs by ${distance}, ${allowed} is allowed`);
      largest = Math.max(largest, distance);
    });
    return largest;
  } finally {
    tf.dispose([...new Set(outputs)]);
  }
}

/** The largest difference as a fraction of the largest expected number, or of 1e-3 where all are smaller. */
function distanceOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let scale = 1e-3;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    scale = Math.max(scale, Math.abs(expected[index]!));
    largest = Math.max(largest, Math.abs(actual[index]! - expected[index]!));
    if (Number.isNaN(actual[index])) return Number.NaN;
  }
  return largest / scale;
}

/** One step of SGD here against one in Keras: its loss, and what it adds to every weight. */
function compareStep(document: ModelDocument, trained: ModelDocument, facts: KerasFacts, array: Read): void {
  const step = stepOf(document, { loss: 'mean_squared_error' });
  try {
    const { loss } = step.run(array(facts.inputs[0]!), array(facts.step!.y));
    const off = Math.abs(loss - facts.step!.loss) / Math.abs(facts.step!.loss);
    if (!(off <= 1e-5)) throw new Mismatch(`loss of the step ${loss}, in Keras ${facts.step!.loss}`);
    for (const [key, { data }] of trained.weights) {
      const before = document.weights.get(key)!.data;
      const after = step.weights.value(key).data;
      let change = 0;
      let scale = 0;
      let largest = 0;
      for (let index = 0; index < data.length; index++) {
        change = Math.max(change, Math.abs(data[index]! - before[index]!));
        scale = Math.max(scale, Math.abs(before[index]!));
        largest = Math.max(largest, Math.abs(data[index]! - after[index]!));
      }
      // What is added is known to the rounding of the sum.
      if (!(largest <= 1e-4 * change + 2e-7 * scale))
        throw new Mismatch(`${key} is ${largest} off after a step that moves it by ${change}`);
    }
  } finally {
    step.dispose();
  }
}

/** A script that has been started. One that reads a line of its input waits there until it is run. */
interface PythonScript {
  /** Resolves with its output. Rejects with what it wrote last. */
  run(): Promise<string>;
  stop(): void;
}

/** Runs a script of this folder. Rejects with what it wrote last. */
export const python = (script: string, ...args: string[]): Promise<string> => startPython(script, ...args).run();

function startPython(script: string, ...args: string[]): PythonScript {
  const child = spawn(KERAS_PYTHON, [resolve(import.meta.dirname, script), ...args], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // One that has died reads nothing; its exit tells why.
  child.stdin.on('error', () => {});
  const ended = new Promise<string>((done, fail) => {
    let output = '';
    let lastWords = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-4000);
    });
    child.once('error', fail);
    child.once('close', (code) => {
      if (code === 0) done(output);
      else fail(new Error(`${script} ended with code ${code}. ${lastWords}`));
    });
  });
  // Who runs it later learns of it then.
  ended.catch(() => {});
  return {
    run() {
      child.stdin.end('\n');
      return ended;
    },
    stop: () => child.kill(),
  };
}
