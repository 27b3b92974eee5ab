/** Images of another size. */
import type { DecodedImage } from './decode-image.ts';

/** One output pixel of a row or column: the first input pixel it is made of, and the weight of each from there on. */
interface Blend {
  first: number;
  weights: Float64Array;
}

/**
 * An image stretched to height × width pixels: each is a weighted mean of those it covers, by a triangle that is as wide as one output or one input pixel,
 * whichever is larger (bilinear with antialiasing, as Pillow and `tf.image.resize(antialias=True)` have it). First rows, then columns, rounded at the end.
 */
export function resizeImage(image: DecodedImage, height: number, width: number): DecodedImage {
  if (image.height === height && image.width === width) return image;
  const across = blends(image.width, width);
  const down = blends(image.height, height);
  const rows = new Float32Array(image.height * width * 4);
  for (let y = 0; y < image.height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const { first, weights } = across[x]!;
      for (let channel = 0; channel < 4; channel += 1) {
        let sum = 0;
        for (let index = 0; index < weights.length; index += 1) {
          sum += weights[index]! * image.rgba[(y * image.width + first + index) * 4 + channel]!;
        }
        rows[(y * width + x) * 4 + channel] = sum;
      }
    }
  }
  const rgba = new Uint8Array(height * width * 4);
  for (let y = 0; y < height; y += 1) {
    const { first, weights } = down[y]!;
    for (let at = 0; at < width * 4; at += 1) {
      let sum = 0;
      for (let index = 0; index < weights.length; index += 1) sum += weights[index]! * rows[(first + index) * width * 4 + at]!;
      rgba[y * width * 4 + at] = Math.round(sum);
    }
  }
  return { height, width, rgba };
}

function blends(from: number, to: number): Blend[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach));
    const last = Math.min(from, Math.ceil(centre + reach));
    const weights = Float64Array.from({ length: last - first }, (_, offset) => {
      return Math.max(0, 1 - Math.abs(first + offset + 0.5 - centre) / reach);
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}
