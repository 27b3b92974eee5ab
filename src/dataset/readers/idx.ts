/** IDX, the format of MNIST: 0, 0, element type, rank, the axes as big-endian uint32, then the elements, big-endian and row-major. */
import { type ArraySource, arrayIn, elementsIn } from '../arrays.ts';
import { admit, type ByteSource, head } from '../bytes.ts';
import { unreadable } from '../complaints.ts';
import type { ElementType } from '../elements.ts';
import type { DatasetLimits } from '../limits.ts';

const ELEMENTS: Record<number, ElementType> = {
  8: { kind: 'uint', bytes: 1, bigEndian: true },
  9: { kind: 'int', bytes: 1, bigEndian: true },
  11: { kind: 'int', bytes: 2, bigEndian: true },
  12: { kind: 'int', bytes: 4, bigEndian: true },
  13: { kind: 'float', bytes: 4, bigEndian: true },
  14: { kind: 'float', bytes: 8, bigEndian: true },
};

/** The array of an IDX file. Throws DATASET_UNREADABLE where header and length do not agree, DATASET_INVALID beyond the limits. */
export async function readIdx(source: ByteSource, limits: DatasetLimits): Promise<ArraySource> {
  const start = Buffer.from(await head(source, 4 + 4 * 255));
  const element = ELEMENTS[start[2]!];
  if (element === undefined) {
    throw unreadable(
      source.pointer,
      `${source.name} is IDX with element type 0x${start[2]!.toString(16)}; the format has 0x08 (uint8), 0x09 (int8), 0x0b (int16), 0x0c (int32), 0x0d (float32) and 0x0e (float64)`,
    );
  }
  const rank = start[3]!;
  const headerBytes = 4 + 4 * rank;
  if (start.length < headerBytes) {
    throw unreadable(source.pointer, `${source.name} is IDX with ${rank} axes but ends within its header, after ${start.length} bytes`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => start.readUInt32BE(4 + 4 * axis));
  const declaredBytes = headerBytes + elementsIn(shape) * element.bytes;
  admit(source, declaredBytes, limits);
  if (source.sizeBytes !== null && source.sizeBytes !== declaredBytes) {
    throw unreadable(
      source.pointer,
      `${source.name} is ${source.sizeBytes} bytes; IDX of shape ${JSON.stringify(shape)} with ${element.bytes} bytes an element is ${declaredBytes}`,
      { received: shape },
    );
  }
  return arrayIn(source, headerBytes, element, shape);
}
