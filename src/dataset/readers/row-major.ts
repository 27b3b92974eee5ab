import { readSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { type ArraySource, elementsIn } from '../arrays.ts';
import { createFile } from '../file-writer.ts';

const BLOCK_BYTES = 32 * 2 ** 20;

/**
 * An array whose file is column-major (NumPy's Fortran order), in row-major order. Its bytes are first copied to `scratchPath`, since the values of one
 * sample lie all over the file; the copy is gone when the reading ends. At most 32 MiB, or one sample, are held in memory.
 */
export function rowMajor(array: ArraySource, scratchPath: string): ArraySource {
  const bytes = async function* () {
    const file = createFile(scratchPath);
    try {
      for await (const piece of array.bytes()) file.write(piece);
    } finally {
      file.close();
    }
    const copy = await open(scratchPath, 'r');
    try {
      yield* transposed(copy, array);
    } finally {
      await copy.close();
      await rm(scratchPath);
    }
  };
  return { ...array, bytes };
}

function* transposed(copy: FileHandle, { shape, element }: ArraySource): Generator<Uint8Array> {
  const samples = shape[0]!;
  const perSample = elementsIn(shape.slice(1));
  const sampleBytes = perSample * element.bytes;
  const samplesPerBlock = Math.max(1, Math.min(samples, Math.floor(BLOCK_BYTES / sampleBytes)));
  const column = new Uint8Array(samplesPerBlock * element.bytes);
  const block = new Uint8Array(samplesPerBlock * sampleBytes);
  const scatter = scatterOf(element.bytes, column, block);

  for (let first = 0; first < samples; first += samplesPerBlock) {
    const count = Math.min(samplesPerBlock, samples - first);
    let feature = 0;
    for (const columnNumber of columnNumbers(shape.slice(1))) {
      readFully(copy.fd, column.subarray(0, count * element.bytes), (columnNumber * samples + first) * element.bytes);
      scatter(count, feature, perSample);
      feature += 1;
    }
    yield block.subarray(0, count * sampleBytes);
  }
}

/** For each feature in row-major order its number in column-major order. */
function* columnNumbers(axes: readonly number[]): Generator<number> {
  if (axes.length === 0) {
    yield 0;
    return;
  }
  const position = axes.map(() => 0);
  for (let left = elementsIn(axes); left > 0; left -= 1) {
    let number = 0;
    for (let axis = axes.length - 1; axis >= 0; axis -= 1) number = number * axes[axis]! + position[axis]!;
    yield number;
    for (let axis = axes.length - 1; axis >= 0; axis -= 1) {
      position[axis]! += 1;
      if (position[axis]! < axes[axis]!) break;
      position[axis] = 0;
    }
  }
}

type Scatter = (count: number, feature: number, perSample: number) => void;

/** Puts the elements of one column where one feature of each sample belongs, as whole words: no value is looked at. */
function scatterOf(bytes: number, column: Uint8Array<ArrayBuffer>, block: Uint8Array<ArrayBuffer>): Scatter {
  if (bytes === 8) {
    const from = new Uint32Array(column.buffer);
    const to = new Uint32Array(block.buffer);
    return (count, feature, perSample) => {
      for (let sample = 0; sample < count; sample += 1) {
        const target = 2 * (sample * perSample + feature);
        to[target] = from[2 * sample]!;
        to[target + 1] = from[2 * sample + 1]!;
      }
    };
  }
  const Words = bytes === 1 ? Uint8Array : bytes === 2 ? Uint16Array : Uint32Array;
  const from = new Words(column.buffer);
  const to = new Words(block.buffer);
  return (count, feature, perSample) => {
    for (let sample = 0; sample < count; sample += 1) to[sample * perSample + feature] = from[sample]!;
  };
}

function readFully(file: number, target: Uint8Array, position: number): void {
  let filled = 0;
  while (filled < target.length) {
    const count = readSync(file, target, filled, target.length - filled, position + filled);
    if (count === 0) throw new Error(`The scratch copy of a column-major array ends at byte ${position + filled}`);
    filled += count;
  }
}
