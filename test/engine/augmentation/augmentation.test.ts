import { describe, expect, it } from 'vitest';
import { augment } from '../../../src/engine/augmentation/index.ts';
import { splitSeed, statelessNormal } from '../../../src/engine/ops/stateless-random.ts';
import { statelessUniform } from '../../../src/engine/raw-ops.ts';
import { scope } from '../../../src/engine/scope.ts';
import { tf } from '../../../src/engine/tensorflow.ts';
import { Augmentation, augmentationFault } from '../../../src/jobs/spec/augmentation.ts';
import { fillDefaults } from '../../../src/schema.ts';
import { drawn } from '../../helpers/engine.ts';

type Image = (y: number, x: number) => number;
interface Shape {
  count: number;
  height: number;
  width: number;
  channels: number;
}

const SHAPE: Shape = { count: 40, height: 6, width: 9, channels: 2 };
const SEED = [11, 5] as const;

const listOf = (...entries: Record<string, unknown>[]): Augmentation => fillDefaults(Augmentation, entries);
const sizes = ({ count, height, width, channels }: Shape) => [count, height, width, channels];

/** What a list makes of images, and the shape of it. */
function augmented(list: Augmentation, images: ArrayLike<number>, shape: Shape = SHAPE, seed: readonly [number, number] = SEED) {
  return scope(() => {
    const result = augment(list, tf.tensor(Float32Array.from(images), sizes(shape)), tf.tensor1d([...seed], 'int32'));
    return { shape: result.shape, values: Float32Array.from(result.dataSync<'float32'>()) };
  });
}

/** The uniform draws of the entry at this place of a list. */
function draws(shape: number[], place = 0, of = 1): number[] {
  return scope(() => [...statelessUniform(shape, splitSeed(tf.tensor1d([...SEED], 'int32'), of)[place]!).dataSync<'float32'>()]);
}

/** Images made pixel by pixel: `make(n, c)` gives the image of a sample and channel, out of the original. */
function slow(images: ArrayLike<number>, shape: Shape, make: (image: Image, n: number) => Image): number[] {
  const { count, height, width, channels } = shape;
  const at = (n: number, y: number, x: number, c: number) => ((n * height + y) * width + x) * channels + c;
  const result = new Array<number>(count * height * width * channels);
  for (let n = 0; n < count; n += 1) {
    for (let c = 0; c < channels; c += 1) {
      const image = make((y, x) => images[at(n, y, x, c)]!, n);
      for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) result[at(n, y, x, c)] = image(y, x);
    }
  }
  return result;
}

/** An image that goes on outside its edges. */
function continued(image: Image, { height, width }: Shape, fill: number | 'nearest' | 'reflect'): Image {
  const inside = (at: number, side: number): number | null => {
    if (at >= 0 && at < side) return at;
    if (fill === 'nearest') return at < 0 ? 0 : side - 1;
    if (fill === 'reflect') {
      const round = ((at % (2 * side)) + 2 * side) % (2 * side);
      return round < side ? round : 2 * side - 1 - round;
    }
    return null;
  };
  return (y, x) => {
    const [row, column] = [inside(y, height), inside(x, width)];
    return row === null || column === null ? (fill as number) : image(row, column);
  };
}

/** An image between its pixels. */
function bilinear(image: Image): Image {
  return (y, x) => {
    const [top, left] = [Math.floor(y), Math.floor(x)];
    const [down, right] = [y - top, x - left];
    const across = (row: number) => (1 - right) * image(row, left) + right * image(row, left + 1);
    return (1 - down) * across(top) + down * across(top + 1);
  };
}

function expectClose(values: Float32Array, expected: readonly number[], tolerance = 0) {
  expect(values.length).toBe(expected.length);
  let worst = 0;
  for (const [index, value] of values.entries()) worst = Math.max(worst, Math.abs(value - expected[index]!));
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const images = drawn(sizes(SHAPE), 'images').data;
const fills = [7, 'nearest', 'reflect'] as const;

describe('shift', () => {
  it.each(fills)('moves images by whole pixels, outside is %s', (fill) => {
    // ⌊0.4 · 6⌋ = 2 rows, ⌊0.4 · 9⌋ = 3 columns.
    const u = draws([SHAPE.count, 2]);
    const expected = slow(images, SHAPE, (image, n) => {
      const dy = Math.floor(u[2 * n]! * 5) - 2;
      const dx = Math.floor(u[2 * n + 1]! * 7) - 3;
      const around = continued(image, SHAPE, fill);
      return (y, x) => around(y + dy, x + dx);
    });
    expectClose(augmented(listOf({ type: 'shift', max_fraction: 0.4, fill }), images).values, expected);
  });

  it('goes as far as it may each way, each distance as often as the other', () => {
    // One pixel is lit; where it went tells the distance.
    const shape = { count: 4000, height: 7, width: 7, channels: 1 };
    const lit = slow([], shape, () => (y, x) => (y === 3 && x === 3 ? 1 : 0));
    const { values } = augmented(listOf({ type: 'shift', max_fraction: 0.3 }), lit, shape);
    const counts = new Map<string, number>();
    for (const [index, value] of values.entries()) {
      if (value === 0) continue;
      const place = index % 49;
      const key = `${Math.floor(place / 7) - 3},${(place % 7) - 3}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([-2, -1, 0, 1, 2].flatMap((y) => [-2, -1, 0, 1, 2].map((x) => `${y},${x}`)).sort());
    // 4000 / 25 = 160, with deviation 12.4.
    for (const count of counts.values()) expect(Math.abs(count - 160)).toBeLessThan(5 * 12.4);
  });
});

describe('crop', () => {
  it.each([
    [3, 0.5],
    [6, 'reflect'],
    [6, 'nearest'],
  ] as const)('is a window of the old size in the image padded by %i with %s', (padding, fill) => {
    const u = draws([SHAPE.count, 2]);
    const expected = slow(images, SHAPE, (image, n) => {
      const padded: Image = (y, x) => continued(image, SHAPE, fill)(y - padding, x - padding);
      const [top, left] = [Math.floor(u[2 * n]! * (2 * padding + 1)), Math.floor(u[2 * n + 1]! * (2 * padding + 1))];
      return (y, x) => padded(y + top, x + left);
    });
    expectClose(augmented(listOf({ type: 'crop', padding, fill }), images).values, expected);
  });
});

describe('flip', () => {
  it.each(['horizontal', 'vertical', 'both'] as const)('mirrors %s where the draw is below the probability', (axes) => {
    const u = draws([SHAPE.count, 2]);
    const flipped = { vertical: 0, horizontal: 0 };
    const expected = slow(images, SHAPE, (image, n) => {
      const vertical = axes !== 'horizontal' && u[2 * n]! < Math.fround(0.3);
      const horizontal = axes !== 'vertical' && u[2 * n + 1]! < Math.fround(0.3);
      if (vertical) flipped.vertical += 1;
      if (horizontal) flipped.horizontal += 1;
      return (y, x) => image(vertical ? SHAPE.height - 1 - y : y, horizontal ? SHAPE.width - 1 - x : x);
    });
    expect(flipped.vertical > 0).toBe(axes !== 'horizontal');
    expect(flipped.horizontal > 0).toBe(axes !== 'vertical');
    expectClose(augmented(listOf({ type: 'flip', axes, probability: 0.3 }), images).values, expected);
  });

  it('never does at probability 0, and always at 1', () => {
    expectClose(augmented(listOf({ type: 'flip', probability: 0 }), images).values, [...images]);
    const mirrored = slow(images, SHAPE, (image) => (y, x) => image(y, SHAPE.width - 1 - x));
    expectClose(augmented(listOf({ type: 'flip', probability: 1 }), images).values, mirrored);
  });
});

describe('cutout', () => {
  it.each([
    [3, 1],
    [4, 2],
  ])('covers squares of %i, %i of them, over the edge too', (size, squares) => {
    const u = draws([SHAPE.count, squares, 2]);
    const expected = slow(images, SHAPE, (image, n) => (y, x) => {
      for (let square = 0; square < squares; square += 1) {
        const place = (n * squares + square) * 2;
        const top = Math.floor(u[place]! * SHAPE.height) - Math.floor(size / 2);
        const left = Math.floor(u[place + 1]! * SHAPE.width) - Math.floor(size / 2);
        if (y >= top && y < top + size && x >= left && x < left + size) return -2;
      }
      return image(y, x);
    });
    const { values } = augmented(listOf({ type: 'cutout', size, count: squares, fill: -2 }), images);
    expectClose(values, expected);
    expect(values.filter((value) => value === -2).length).toBeGreaterThan(0);
  });
});

describe('noise', () => {
  it('is added, drawn for every element, of its deviation', () => {
    const normal = scope(() => [...statelessNormal([100, 17], splitSeed(tf.tensor1d([...SEED], 'int32'), 1)[0]!).dataSync<'float32'>()]);
    const noisy = scope(() => {
      const x = tf.fill([100, 17], 3);
      return [...augment(listOf({ type: 'noise', stddev: 0.5 }), x, tf.tensor1d([...SEED], 'int32')).dataSync<'float32'>()];
    });
    expectClose(
      Float32Array.from(noisy),
      normal.map((value) => 3 + 0.5 * value),
      1e-6,
    );
    const mean = noisy.reduce((sum, value) => sum + value, 0) / 1700;
    const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 1700);
    expect(Math.abs(mean - 3)).toBeLessThan((5 * 0.5) / Math.sqrt(1700));
    expect(Math.abs(deviation - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(2 * 1700));
    expect(new Set(noisy).size).toBeGreaterThan(1600);
  });
});

describe('rotate', () => {
  it.each(fills)('turns images about their middle, outside is %s', (fill) => {
    const u = draws([SHAPE.count]);
    const [middleY, middleX] = [(SHAPE.height - 1) / 2, (SHAPE.width - 1) / 2];
    const expected = slow(images, SHAPE, (image, n) => {
      const angle = ((2 * u[n]! - 1) * 25 * Math.PI) / 180;
      const between = bilinear(continued(image, SHAPE, fill));
      return (y, x) => {
        const [fromY, fromX] = [y - middleY, x - middleX];
        return between(
          middleY + fromX * Math.sin(angle) + fromY * Math.cos(angle),
          middleX + fromX * Math.cos(angle) - fromY * Math.sin(angle),
        );
      };
    });
    expectClose(augmented(listOf({ type: 'rotate', max_degrees: 25, fill }), images).values, expected, 1e-4);
  });
});

describe('zoom', () => {
  it('enlarges images about their middle', () => {
    const u = draws([SHAPE.count]);
    const [middleY, middleX] = [(SHAPE.height - 1) / 2, (SHAPE.width - 1) / 2];
    const expected = slow(images, SHAPE, (image, n) => {
      const factor = 0.7 + 0.8 * u[n]!;
      const between = bilinear(continued(image, SHAPE, 0));
      return (y, x) => between(middleY + (y - middleY) / factor, middleX + (x - middleX) / factor);
    });
    expectClose(augmented(listOf({ type: 'zoom', range: [0.7, 1.5] }), images).values, expected, 1e-4);
  });
});

describe('affine', () => {
  it.each(fills)('turns, enlarges, shears and shifts about the middle, or leaves an image as it is; outside is %s', (fill) => {
    const u = draws([SHAPE.count, 6]);
    const [middleY, middleX] = [(SHAPE.height - 1) / 2, (SHAPE.width - 1) / 2];
    let unmoved = 0;
    const expected = slow(images, SHAPE, (image, n) => {
      const [whether, turn, enlarge, lean, down, right] = u.slice(6 * n, 6 * n + 6) as [number, number, number, number, number, number];
      if (whether >= 0.7) {
        unmoved += 1;
        return image;
      }
      const angle = ((2 * turn - 1) * 25 * Math.PI) / 180;
      const factor = 0.7 + 0.8 * enlarge;
      const between = bilinear(continued(image, SHAPE, fill));
      return (y, x) => {
        const fromY = y - middleY;
        const fromX = x - middleX + (2 * lean - 1) * 0.3 * fromY;
        return between(
          middleY + (fromX * Math.sin(angle) + fromY * Math.cos(angle)) / factor + (2 * down - 1) * 0.2 * SHAPE.height,
          middleX + (fromX * Math.cos(angle) - fromY * Math.sin(angle)) / factor + (2 * right - 1) * 0.2 * SHAPE.width,
        );
      };
    });
    const entry = { type: 'affine', max_degrees: 25, zoom: [0.7, 1.5], max_shear: 0.3, max_shift: 0.2, probability: 0.7, fill };
    expectClose(augmented(listOf(entry), images).values, expected, 1e-4);
    expect(unmoved).toBeGreaterThan(SHAPE.channels);
    expectClose(augmented(listOf({ ...entry, probability: 0 }), images).values, [...images]);
  });
});

describe('brightness and contrast', () => {
  it('raise an image, and stretch it about the mean of each channel', () => {
    const raised = draws([SHAPE.count]);
    expectClose(
      augmented(listOf({ type: 'brightness', max_delta: 0.4 }), images).values,
      slow(images, SHAPE, (image, n) => (y, x) => image(y, x) + (2 * raised[n]! - 1) * 0.4),
      1e-6,
    );
    const pixels = SHAPE.height * SHAPE.width;
    const expected = slow(images, SHAPE, (image, n) => {
      let mean = 0;
      for (let y = 0; y < SHAPE.height; y += 1) for (let x = 0; x < SHAPE.width; x += 1) mean += image(y, x) / pixels;
      return (y, x) => mean + (1 + (2 * raised[n]! - 1) * 0.5) * (image(y, x) - mean);
    });
    expectClose(augmented(listOf({ type: 'contrast', max_change: 0.5 }), images).values, expected, 1e-5);
  });
});

describe('a list', () => {
  const everything = listOf(
    { type: 'crop' },
    { type: 'flip' },
    { type: 'shift' },
    { type: 'rotate' },
    { type: 'zoom' },
    { type: 'affine' },
    { type: 'brightness' },
    { type: 'contrast' },
    { type: 'cutout', size: 3 },
    { type: 'noise' },
  );

  it('keeps the shape, gives the same for the same seed, and another result for another step or seed', () => {
    const first = augmented(everything, images);
    expect(first.shape).toEqual(sizes(SHAPE));
    expect(augmented(everything, images)).toEqual(first);
    for (const seed of [
      [11, 6],
      [12, 5],
    ] as const)
      expect(augmented(everything, images, SHAPE, seed).values).not.toEqual(first.values);
  });

  it('is applied in its order, each entry with draws of its own', () => {
    const [first, second] = [draws([SHAPE.count], 0, 2), draws([SHAPE.count], 1, 2)];
    expect(first).not.toEqual(second);
    const { values } = augmented(listOf({ type: 'brightness', max_delta: 1 }, { type: 'brightness', max_delta: 10 }), images);
    expectClose(
      values,
      slow(images, SHAPE, (image, n) => (y, x) => image(y, x) + (2 * first[n]! - 1) + (2 * second[n]! - 1) * 10),
      1e-5,
    );
    const covered = augmented(listOf({ type: 'cutout', size: 3, fill: 9 }, { type: 'noise', stddev: 0.01 }), images).values;
    expect(covered.includes(9)).toBe(false);
  });

  it('that is empty leaves the tensor itself', () => {
    const x = tf.ones([2, 3]);
    expect(augment([], x, tf.tensor1d([0, 0], 'int32'))).toBe(x);
    x.dispose();
  });

  it('leaves no tensor behind', () => {
    augmented(everything, images);
    const before = tf.memory().numTensors;
    augmented(everything, images);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('augmentationFault', () => {
  it.each([
    [{ type: 'flip' }, [20], 'flip is for images'],
    [{ type: 'shift', max_fraction: 0.1 }, [8, 8, 1], 'less than one pixel'],
    [{ type: 'crop', padding: 9 }, [8, 8, 1], 'larger than the images'],
    [{ type: 'cutout', size: 9 }, [8, 12, 1], 'larger than the images'],
    [{ type: 'zoom', range: [2, 1] }, [8, 8, 1], 'from the least to the most'],
    [{ type: 'affine', zoom: [2, 1] }, [8, 8, 1], 'from the least to the most'],
  ])('of %j for samples of %j says: %s', (entry, sample, detail) => {
    const fault = augmentationFault(listOf({ type: 'noise' }, entry), sample);
    expect(fault).toMatchObject({ index: 1, detail: expect.stringContaining(detail) });
  });

  it.each([
    [{ type: 'noise' }, [20]],
    [{ type: 'shift' }, [28, 28, 1]],
    [{ type: 'crop' }, [null, null, 3]],
    [{ type: 'cutout' }, [8, 8, 3]],
  ])('of %j for samples of %j is null', (entry, sample) => {
    expect(augmentationFault(listOf(entry), sample)).toBeNull();
  });
});
