/** NumPy's `.npz`: a zip of `.npy` arrays, float32, row-major. */
import { writeZip } from '../model/formats/zip.ts';

/** The bytes of an `.npz` of the arrays; `numpy.load` reads it. The same arrays give the same bytes. */
export function writeNpz(arrays: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>): Promise<Buffer> {
  return writeZip(Object.entries(arrays).map(([name, { shape, data }]) => [`${name}.npy`, npy(shape, data)] as const));
}

function npy(shape: readonly number[], data: Float32Array): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic (6 bytes), version 1.0 (2), header length (2), header, newline: the data begin at a multiple of 64.
  const padded = `${header}${' '.repeat(63 - ((10 + header.length) % 64))}\n`;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}
