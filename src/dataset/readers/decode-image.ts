/** PNG and JPEG as pixels. */
import { inflateSync } from 'node:zlib';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';

export interface DecodedImage {
  width: number;
  height: number;
  /** Red, green, blue and alpha, row by row from the top. */
  rgba: Uint8Array;
}

/** Pixels of one image: a decoder may take a hundred bytes for each. */
export const MOST_PIXELS = 2 ** 23;

const PNG_START = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG_START = [0xff, 0xd8, 0xff];

/**
 * The pixels of a PNG or JPEG, whatever its name says; 16-bit channels lose their lower half, and an orientation in the EXIF data is not looked at. Throws an
 * Error that says what is wrong with it; no image of more than MOST_PIXELS is decoded.
 */
export function decodeImage(bytes: Uint8Array): DecodedImage {
  if (startsWith(bytes, PNG_START)) {
    const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (file.length < 33) throw new Error('it ends within its header');
    checkSize(file.readUInt32BE(16), file.readUInt32BE(20));
    if (file[28] !== 0) checkInterlaced(file);
    const { width, height, data } = PNG.sync.read(file, { checkCRC: true });
    return { width, height, rgba: data };
  }
  if (startsWith(bytes, JPEG_START)) {
    const { width, height } = jpegSize(bytes);
    checkSize(width, height);
    const { data } = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: true,
      tolerantDecoding: false,
      maxResolutionInMP: MOST_PIXELS / 1e6,
      maxMemoryUsageInMB: 1024,
    });
    return { width, height, rgba: data };
  }
  throw new Error('it is neither PNG nor JPEG');
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function checkSize(width: number, height: number): void {
  if (width === 0 || height === 0) throw new Error(`it says that it is ${width} × ${height} pixels`);
  if (width * height > MOST_PIXELS) throw new Error(`it is ${width} × ${height} pixels; the limit is ${MOST_PIXELS} in all`);
}

/** The decoder inflates an interlaced PNG without a limit: what its data become is counted before. */
function checkInterlaced(file: Buffer): void {
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  const data: Buffer[] = [];
  for (let at = 8; at + 12 <= file.length; at += 12 + file.readUInt32BE(at)) {
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  }
  // Four channels of 16 bits; seven passes, each with a byte a row.
  const most = 8 * width * height + 7 * (height + width + 64);
  try {
    inflateSync(Buffer.concat(data), { maxOutputLength: most });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw cause;
    throw new Error(`it holds more than its ${width} × ${height} pixels`, { cause });
  }
}

/** What the frame header of a JPEG says, found by going from segment to segment. */
function jpegSize(bytes: Uint8Array): { width: number; height: number } {
  const word = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    // SOF0 to SOF15, without the tables DHT, JPG and DAC among them.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return { height: word(at + 5), width: word(at + 7) };
    at += 2 + word(at + 2);
  }
  throw new Error('it has no frame header');
}
