/** Small pictures that a report can hold. */
import { PNG } from 'pngjs';

/** Pixels a side; larger images are shown as means of their blocks. */
const LARGEST_SIDE = 32;

export interface PictureForm {
  height: number;
  width: number;
  channels: number;
}

/** Values from 0 to 1, [height · width · channels], as a PNG in a data URI. Of four channels the last is transparency, which is left out. */
export function pictureOf(values: ArrayLike<number>, form: PictureForm): string {
  const { width, height, channels } = form;
  const block = Math.ceil(Math.max(height, width) / LARGEST_SIDE);
  const [rows, columns] = [Math.ceil(height / block), Math.ceil(width / block)];
  const colours = channels >= 3 ? 3 : 1;
  const png = new PNG({ width: columns, height: rows });
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let colour = 0; colour < 3; colour++) {
        const value = blockMean(values, form, { row, column, block, channel: colour % colours });
        png.data[(row * columns + column) * 4 + colour] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
      png.data[(row * columns + column) * 4 + 3] = 255;
    }
  }
  const bytes = PNG.sync.write(png, { colorType: colours === 3 ? 2 : 0, deflateLevel: 9 });
  return `data:image/png;base64,${bytes.toString('base64')}`;
}

function blockMean(
  values: ArrayLike<number>,
  { height, width, channels }: PictureForm,
  { row, column, block, channel }: { row: number; column: number; block: number; channel: number },
): number {
  let [sum, count] = [0, 0];
  for (let y = row * block; y < Math.min(height, (row + 1) * block); y++) {
    for (let x = column * block; x < Math.min(width, (column + 1) * block); x++) {
      sum += values[(y * width + x) * channels + channel]!;
      count += 1;
    }
  }
  return sum / count;
}
