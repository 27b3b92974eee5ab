/** ONNX: what a document computes outside training, for runtimes that know no Keras. Nothing is read of it again. */
import { Problem } from '../../../errors.ts';
import { VERSION } from '../../../version.ts';
import type { ModelDocument } from '../../document.ts';
import { lower } from '../../program/lower.ts';
import type { Program } from '../../program/program.ts';
import { Emitter } from './emitter.ts';
import { emitNodes } from './operators.ts';
import { elementType, LARGEST_FILE, modelBytes, valueInfo } from './protobuf.ts';

const TARGET = { format: 'ONNX', unrolls: false };

/** The bytes of an .onnx file. Throws Problem UNSUPPORTED_CONVERSION for what cannot be expressed, and for more than a protocol buffer holds. */
export function writeOnnx(document: Pick<ModelDocument, 'graph' | 'weights'>): Uint8Array<ArrayBuffer> {
  refuseLarge(document);
  return onnxBytes(lower(document, TARGET));
}

/** Throws what `writeOnnx` throws. */
export function refuseOnnx(document: Pick<ModelDocument, 'graph' | 'weights'>): void {
  refuseLarge(document);
  lower(document, TARGET);
}

function refuseLarge({ weights }: Pick<ModelDocument, 'weights'>): void {
  let bytes = 0;
  for (const { data } of weights.values()) bytes += data.byteLength;
  if (bytes <= LARGEST_FILE) return;
  throw new Problem(
    'UNSUPPORTED_CONVERSION',
    `The weights are ${bytes} bytes; an ONNX file holds at most ${LARGEST_FILE}. Take another format.`,
  );
}

function onnxBytes({ name, inputs, nodes, outputs }: Program): Uint8Array<ArrayBuffer> {
  const e = new Emitter();
  // The names of the model's ends are its own; an input that is an output as well cannot have two.
  for (const { name: input, type, value } of inputs) {
    const given = e.name(input);
    e.layer = input;
    const differs = elementType(type) !== elementType(value.type);
    e.define(value, differs ? e.add1('Cast', [given], { to: BigInt(elementType(value.type)) }) : given);
  }
  const names = outputs.map((output) => e.name(output.name));
  emitNodes(e, nodes);
  e.layer = 'outputs';
  outputs.forEach(({ value }, index) => {
    e.addTo('Identity', [e.get(value)], names[index]!);
  });
  const graph = e.graph(name, {
    input: inputs.map((input) => valueInfo(input.name, input.type, input.value.shape)),
    output: outputs.map(({ value }, index) => valueInfo(names[index]!, value.type, value.shape)),
  });
  return modelBytes(graph, e.initializers, VERSION);
}
