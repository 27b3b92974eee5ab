/**
 * Float64 columns as few bytes. Neighbours in a column agree in their high bytes, and values that were float32 once have zeros in their low ones, so the
 * bytes are sorted by significance before they are compressed (Zstandard, RFC 8878, with its checksum). Numbers that count upwards are stored as
 * differences. What is unpacked is what was packed, bit for bit.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const BYTES = Float64Array.BYTES_PER_ELEMENT;

/** `data` is [columns, rows] float64. With `counting`, all values must be safe integers. */
export async function pack(data: Float64Array, columns: number, counting: boolean): Promise<Buffer> {
  const rows = data.length / columns;
  const values = counting ? differences(data, rows) : data;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const sorted = new Uint8Array(bytes.length);
  for (let begin = 0; begin < bytes.length; begin += rows * BYTES) {
    for (let significance = 0; significance < BYTES; significance++) {
      const to = begin + significance * rows;
      for (let row = 0, from = begin + significance; row < rows; row++, from += BYTES) sorted[to + row] = bytes[from]!;
    }
  }
  // Buffers of the right size at once: Node’s collector runs for memory outside its heap too.
  return compress(sorted, { params: { [constants.ZSTD_c_checksumFlag]: 1 }, pledgedSrcSize: sorted.length, chunkSize: sorted.length + 64 });
}

/** [columns, rows] float64, as they were packed. Rejects with an Error where the bytes are damaged. */
export async function unpack(packed: Uint8Array, columns: number, rows: number, counting: boolean): Promise<Float64Array<ArrayBuffer>> {
  const length = columns * rows * BYTES;
  // One byte more, so that too many bytes are told from enough.
  const sorted = await decompress(packed, { maxOutputLength: length + 1, chunkSize: length + 64 });
  if (sorted.length !== length) throw new Error(`${columns} columns of ${rows} rows take ${length} bytes. Received: ${sorted.length}`);
  const bytes = new Uint8Array(length);
  for (let begin = 0; begin < length; begin += rows * BYTES) {
    for (let significance = 0; significance < BYTES; significance++) {
      const from = begin + significance * rows;
      for (let row = 0, to = begin + significance; row < rows; row++, to += BYTES) bytes[to] = sorted[from + row]!;
    }
  }
  const values = new Float64Array(bytes.buffer);
  if (counting) addUp(values, rows);
  return values;
}

function differences(data: Float64Array, rows: number): Float64Array {
  return data.map((value, index) => (index % rows === 0 ? value : value - data[index - 1]!));
}

function addUp(values: Float64Array, rows: number): void {
  for (let index = 0; index < values.length; index++) if (index % rows !== 0) values[index]! += values[index - 1]!;
}
