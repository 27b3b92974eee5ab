/** TensorFlow Lite: what a document computes outside training, for phones and small boards. Nothing is read of it again. */
import { Problem } from '../../../errors.ts';
import { VERSION } from '../../../version.ts';
import type { ModelDocument } from '../../document.ts';
import { folded } from '../../program/fold.ts';
import { lower } from '../../program/lower.ts';
import { Inexpressible } from '../../program/lowering.ts';
import type { Program } from '../../program/program.ts';
import { Emitter } from './emitter.ts';
import { bytesOfNumbers, type End, type Graph, LARGEST_FILE, modelBytes } from './flatbuffer.ts';
import { emitNodes } from './operators.ts';
import { TENSOR_TYPES, type TensorType } from './schema.ts';
import type { Precision } from './stored.ts';

const FORMAT = 'TensorFlow Lite';
const TARGET = { format: FORMAT, unrolls: true };

/**
 * The bytes of a .tflite file. Weights are float32; float16, made float32 again when the file is run; or int8 with a scale a channel, which convolutions and
 * products take as they are. Throws Problem UNSUPPORTED_CONVERSION for what cannot be expressed, and for more than a file holds.
 */
export function writeTflite(document: Pick<ModelDocument, 'graph' | 'weights'>, precision: Precision): Uint8Array<ArrayBuffer> {
  return modelBytes(graphOf(document, precision));
}

/** Throws what `writeTflite` throws. */
export function refuseTflite(document: Pick<ModelDocument, 'graph' | 'weights'>, precision: Precision): void {
  graphOf(document, precision);
}

function graphOf(document: Pick<ModelDocument, 'graph' | 'weights'>, precision: Precision): Graph {
  const program = folded(lower(document, TARGET));
  const e = new Emitter(precision);
  try {
    const graph = emitted(e, program);
    const bytes = bytesOfNumbers(graph.tensors);
    if (bytes > LARGEST_FILE) {
      throw new Problem(
        'UNSUPPORTED_CONVERSION',
        `The weights are ${bytes} bytes; a ${FORMAT} file holds at most ${LARGEST_FILE}. Take another format.`,
      );
    }
    return graph;
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    const className = document.graph.calls.find(({ layer }) => layer.name === e.layer)?.layer.className;
    const layer = className === undefined ? `Layer ${e.layer}` : `Layer ${e.layer} (${className})`;
    throw new Problem('UNSUPPORTED_CONVERSION', `${layer} cannot be written as ${FORMAT}: ${error.message}.`, { cause: error });
  }
}

/** The type of numbers that are given to a model, by Keras' word. */
function givenType(type: string): TensorType {
  if (type === 'uint64') return 'int64';
  return type in TENSOR_TYPES && !type.startsWith('float') ? (type as TensorType) : 'float32';
}

function emitted(e: Emitter, { name, inputs, nodes, outputs }: Program): Graph {
  const given = inputs.map(({ name: input, type, value }): End => {
    e.layer = input;
    const tensor = e.input(input, { type: givenType(type), shape: value.shape });
    e.define(value, givenType(type) === value.type ? tensor : e.add1('CAST', [tensor], { type: value.type, shape: value.shape }));
    return { name: input, tensor };
  });
  emitNodes(e, nodes);
  e.layer = 'outputs';
  // The ends of a graph are tensors of their own, with names of their own.
  const taken = new Set(given.map(({ tensor }) => tensor));
  const names = new Set(given.map((input) => input.name));
  const made = outputs.map(({ name: wanted, value }): End => {
    const found = e.get(value);
    const tensor = taken.has(found) || value.constant ? e.copied(found) : found;
    let free = wanted;
    for (let n = 1; names.has(free); n++) free = `${wanted}_${n}`;
    names.add(free);
    taken.add(tensor);
    e.tensors[tensor]!.name = free;
    return { name: free, tensor };
  });
  return { name, description: `espalier ${VERSION}`, tensors: e.tensors, operators: e.operators, inputs: given, outputs: made };
}
