/** A zip file of images in folders named after their classes. */
import type { ArraySource } from '../arrays.ts';
import type { ByteSource } from '../bytes.ts';
import { invalid, unreadable } from '../complaints.ts';
import type { Features } from '../features.ts';
import { createFile } from '../file-writer.ts';
import { type Labels, storeLabels } from '../labels.ts';
import { type DatasetLimits, MOST_CLASSES, MOST_LISTED } from '../limits.ts';
import type { DatasetOptions } from '../options.ts';
import type { GivenSamples } from '../splits.ts';
import { type DecodedImage, decodeImage } from './decode-image.ts';
import { imageFolders } from './image-folders.ts';
import { resizeImage } from './resize-image.ts';
import { zipEntries } from './zip.ts';

export interface ImageSet {
  x: Features;
  y: Labels;
  given: GivenSamples;
}

/** Images of one zip file: the directory of a zip is held in memory. */
export const MOST_IMAGES = 100_000;

const LARGEST_FILE_BYTES = 64 * 2 ** 20;

/**
 * Stores the images of a zip file as uint8 [height, width, channels], channels being red, green and blue or with `color` grayscale one (transparency is left
 * out), labelled by their folders in sorted order. All are of one size, or become one by `resize`. Throws DATASET_INVALID at paths that make no data set and at
 * the first image of another size, DATASET_UNREADABLE at one that cannot be decoded.
 */
export async function readImages(
  path: string,
  pointer: string,
  { resize, color = 'rgb' }: Pick<DatasetOptions, 'resize' | 'color'>,
  paths: { x: string; y: string },
  limits: DatasetLimits,
): Promise<ImageSet> {
  const { classNames, images, given } = imageFolders(await zipEntries(path, pointer, MOST_IMAGES), pointer);
  if (classNames.length > MOST_CLASSES) {
    throw invalid(pointer, `${pointer} has ${classNames.length} folders; the limit of classes is ${MOST_CLASSES}`);
  }
  const channels = color === 'grayscale' ? 1 : 3;
  const range = { min: 255, max: 0 };
  let size: { height: number; width: number; name: string } | null = null;
  const file = createFile(paths.x);
  try {
    for (const { entry } of images) {
      const decoded = decode(await contents(entry.source), entry.source);
      const image = resize ? resizeImage(decoded, resize[0], resize[1]) : decoded;
      size ??= checkedSize({ height: image.height, width: image.width, name: entry.name }, images.length, channels, pointer, limits);
      if (image.height !== size.height || image.width !== size.width) {
        throw invalid(
          pointer,
          `${entry.source.name} is ${image.height} × ${image.width} pixels and '${size.name}' is ${size.height} × ${size.width}; ` +
            'images must be of one size, or become one by the option resize, [height, width]',
          { received: [image.height, image.width] },
        );
      }
      const pixels = color === 'grayscale' ? luminance(image) : withoutAlpha(image);
      for (const value of pixels) {
        if (value < range.min) range.min = value;
        if (value > range.max) range.max = value;
      }
      file.write(pixels);
    }
  } finally {
    file.close();
  }
  const { height, width } = size!;
  const labels = Uint16Array.from(images, ({ label }) => label);
  const y = await storeLabels([labelArray(labels, pointer)], paths.y);
  const facts = classNames.length > MOST_LISTED ? y.facts : { ...y.facts, class_names: classNames };
  return { x: { dtype: 'uint8', shape: [height, width, channels], ...range, uploaded: 'bytes' }, y: { ...y, facts }, given };
}

function checkedSize<Size extends { height: number; width: number }>(
  size: Size,
  count: number,
  channels: number,
  pointer: string,
  limits: DatasetLimits,
): Size {
  const bytes = size.height * size.width * channels;
  if (bytes > limits.sampleBytes || bytes * count > limits.totalBytes) {
    throw invalid(
      pointer,
      `${count} images of ${size.height} × ${size.width} pixels are ${bytes * count} bytes, ${bytes} each; the limits are ${limits.totalBytes} and ${limits.sampleBytes}. Ask for smaller ones by the option resize`,
      { received: [size.height, size.width] },
    );
  }
  return size;
}

async function contents(source: ByteSource): Promise<Uint8Array> {
  if ((source.sizeBytes ?? 0) > LARGEST_FILE_BYTES) {
    throw invalid(source.pointer, `${source.name} is ${source.sizeBytes} bytes; the limit of an image is ${LARGEST_FILE_BYTES}`);
  }
  const pieces: Buffer[] = [];
  for await (const piece of source.open()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

function decode(bytes: Uint8Array, { name, pointer }: ByteSource): DecodedImage {
  try {
    return decodeImage(bytes);
  } catch (cause) {
    throw unreadable(pointer, `${name} cannot be decoded: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function withoutAlpha({ rgba }: DecodedImage): Uint8Array {
  const pixels = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    pixels[to] = rgba[from]!;
    pixels[to + 1] = rgba[from + 1]!;
    pixels[to + 2] = rgba[from + 2]!;
  }
  return pixels;
}

/** ITU-R BT.601. */
function luminance({ rgba }: DecodedImage): Uint8Array {
  const pixels = new Uint8Array(rgba.length / 4);
  for (let index = 0; index < pixels.length; index += 1) {
    pixels[index] = Math.round(0.299 * rgba[4 * index]! + 0.587 * rgba[4 * index + 1]! + 0.114 * rgba[4 * index + 2]!);
  }
  return pixels;
}

function labelArray(labels: Uint16Array, pointer: string): ArraySource {
  const bytes = new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
  return {
    name: pointer,
    pointer,
    element: { kind: 'uint', bytes: 2, bigEndian: false },
    shape: [labels.length],
    plain: null,
    async *bytes() {
      yield bytes;
    },
  };
}
