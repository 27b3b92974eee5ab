import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { pictureOf } from '../../src/report/picture.ts';

const decoded = (uri: string) => PNG.sync.read(Buffer.from(uri.replace('data:image/png;base64,', ''), 'base64'));

it('shows grey values and colours as they are', () => {
  const grey = decoded(pictureOf([0, 0.5, 1, 2], { height: 2, width: 2, channels: 1 }));
  expect([grey.width, grey.height]).toEqual([2, 2]);
  expect([0, 4, 8, 12].map((at) => grey.data[at])).toEqual([0, 128, 255, 255]);
  const colour = decoded(pictureOf([1, 0, 0.2], { height: 1, width: 1, channels: 3 }));
  expect([...colour.data.subarray(0, 3)]).toEqual([255, 0, 51]);
});

it('shows large images as means of blocks', () => {
  const values = Float32Array.from({ length: 64 * 48 }, (_, at) => at % 2);
  const { width, height, data } = decoded(pictureOf(values, { height: 64, width: 48, channels: 1 }));
  expect([width, height, data[0]]).toEqual([24, 32, 128]);
});
