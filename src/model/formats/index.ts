/** Reading of a model file, by content and not by name. */
import { open } from 'node:fs/promises';
import { Problem } from '../../errors.ts';
import type { ModelDocument } from '../document.ts';
import { type ReadOptions, readKeras, readKerasConfig } from './keras.ts';

/** Reads a model file. Throws Problem UNSUPPORTED_FORMAT for anything but a `.keras` file, and those of `readKeras`. */
export async function readModel(path: string, options: ReadOptions = {}): Promise<ModelDocument> {
  const file = await open(path);
  const head = Buffer.alloc(8);
  try {
    await file.read(head, 0, 8, 0);
  } finally {
    await file.close();
  }
  if (head.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))) return readKeras(path, options);
  const found = head.equals(Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'))
    ? 'an HDF5 file; save it from Keras 3 as .keras'
    : head.length === 0 || head.every((byte) => byte === 0)
      ? 'empty'
      : `something that begins with the bytes ${head.toString('hex')}`;
  throw new Problem('UNSUPPORTED_FORMAT', `A .keras file is needed. Received: ${found}.`);
}

/** The Keras config of a model file that has been read before, without its weights. */
export const readModelConfig = readKerasConfig;
