import { closeSync, openSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type ArraySource, elementsIn } from '../arrays.ts';
import { pieces } from '../bytes.ts';
import { createFile, writeFully } from '../file-writer.ts';

const TILE_BYTES = 16 * 2 ** 20;

/**
 * An array whose file is column-major (NumPy's Fortran order), in row-major order. Its bytes are first copied to `scratchPath` and from there, a tile at a
 * time, to a second file beside it; both are gone when the reading ends.
 */
export function rowMajor(array: ArraySource, scratchPath: string, tileBytes: number = TILE_BYTES): ArraySource {
  const transposedPath = `${scratchPath}.transposed`;
  const bytes = async function* () {
    try {
      await copy(array, scratchPath);
      transpose(array, scratchPath, transposedPath, tileBytes);
      await rm(scratchPath);
      yield* pieces({ path: transposedPath, start: 0, length: elementsIn(array.shape) * array.element.bytes });
    } finally {
      await rm(scratchPath, { force: true });
      await rm(transposedPath, { force: true });
    }
  };
  return { ...array, plain: null, bytes };
}

async function copy(array: ArraySource, path: string): Promise<void> {
  const file = createFile(path);
  try {
    for await (const piece of array.bytes()) file.write(piece);
  } finally {
    file.close();
  }
}

/**
 * In the file a feature's values for all samples lie side by side (a column); they are read as runs of `tile.samples` and written as runs of
 * `tile.features`, both long, so that neither end of the transposition goes value by value.
 */
function transpose({ shape, element }: ArraySource, fromPath: string, toPath: string, tileBytes: number): void {
  const samples = shape[0]!;
  const axes = shape.slice(1);
  const features = elementsIn(axes);
  const size = element.bytes;
  const tile = tileOf(samples, features, tileBytes / size);
  const column = new Uint8Array(tile.samples * size);
  const rows = new Uint8Array(tile.samples * tile.features * size);
  const scatter = scatterOf(size, column, rows);
  const from = openSync(fromPath, 'r');
  const to = openSync(toPath, 'w');
  try {
    for (let firstFeature = 0; firstFeature < features; firstFeature += tile.features) {
      const width = Math.min(tile.features, features - firstFeature);
      for (let firstSample = 0; firstSample < samples; firstSample += tile.samples) {
        const height = Math.min(tile.samples, samples - firstSample);
        for (let feature = 0; feature < width; feature += 1) {
          const columnNumber = columnNumberOf(firstFeature + feature, axes);
          readFully(from, column.subarray(0, height * size), (columnNumber * samples + firstSample) * size);
          scatter(height, feature, width);
        }
        writeTile(to, rows, { height, width, features, firstSample, firstFeature, size });
      }
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** As square as the array allows, of at most `elements` elements. */
function tileOf(samples: number, features: number, elements: number): { samples: number; features: number } {
  const side = Math.floor(Math.sqrt(elements));
  if (features < side) return { features, samples: Math.min(samples, Math.floor(elements / features)) };
  const height = Math.min(samples, side);
  return { samples: height, features: Math.min(features, Math.floor(elements / height)) };
}

/** The number in column-major order of the feature with this number in row-major order. */
function columnNumberOf(feature: number, axes: readonly number[]): number {
  let rest = feature;
  let number = 0;
  let stride = elementsIn(axes);
  for (let axis = axes.length - 1; axis >= 0; axis -= 1) {
    const length = axes[axis]!;
    stride /= length;
    number += (rest % length) * stride;
    rest = Math.floor(rest / length);
  }
  return number;
}

type Scatter = (height: number, feature: number, width: number) => void;

/** Puts the elements of a column where one feature of each row belongs, as whole words: no value is looked at. */
function scatterOf(size: number, column: Uint8Array<ArrayBuffer>, rows: Uint8Array<ArrayBuffer>): Scatter {
  if (size === 8) {
    const from = new Uint32Array(column.buffer);
    const to = new Uint32Array(rows.buffer);
    return (height, feature, width) => {
      for (let row = 0; row < height; row += 1) {
        const target = 2 * (row * width + feature);
        to[target] = from[2 * row]!;
        to[target + 1] = from[2 * row + 1]!;
      }
    };
  }
  const Words = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array;
  const from = new Words(column.buffer);
  const to = new Words(rows.buffer);
  return (height, feature, width) => {
    for (let row = 0; row < height; row += 1) to[row * width + feature] = from[row]!;
  };
}

function writeTile(
  to: number,
  rows: Uint8Array,
  tile: { height: number; width: number; features: number; firstSample: number; firstFeature: number; size: number },
): void {
  const { height, width, features, firstSample, firstFeature, size } = tile;
  const position = (sample: number) => (sample * features + firstFeature) * size;
  if (width === features) {
    writeFully(to, rows.subarray(0, height * width * size), position(firstSample));
    return;
  }
  for (let row = 0; row < height; row += 1) {
    writeFully(to, rows.subarray(row * width * size, (row + 1) * width * size), position(firstSample + row));
  }
}

function readFully(file: number, target: Uint8Array, position: number): void {
  let filled = 0;
  while (filled < target.length) {
    const count = readSync(file, target, filled, target.length - filled, position + filled);
    if (count === 0) throw new Error(`The scratch copy of a column-major array ends at byte ${position + filled}`);
    filled += count;
  }
}
