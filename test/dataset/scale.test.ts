import { describe, expect, it } from 'vitest';
import { scaleOf } from '../../src/dataset/scale.ts';
import { Problem } from '../../src/errors.ts';

const features = { dtype: 'uint8' as const, shape: [28, 28], min: 0, max: 255, uploaded: 'bytes' as const };

describe('scaleOf', () => {
  it.each([
    ['bytes', {}, 1 / 255],
    ['bytes in a row', { shape: [784] }, 1 / 255],
    ['images of wider whole numbers', { uploaded: 'whole' as const, dtype: 'int32' as const }, 1 / 255],
    ['a row of wider whole numbers', { uploaded: 'whole' as const, shape: [10] }, 1],
    ['bytes that are just 0 and 1', { max: 1 }, 1],
    ['images beyond 255', { uploaded: 'whole' as const, max: 256 }, 1],
    ['images below 0', { uploaded: 'whole' as const, min: -1 }, 1],
    ['floats', { uploaded: 'other' as const, dtype: 'float32' as const }, 1],
  ])('is by default right for %s', (_, changes, scale) => {
    expect(scaleOf({ ...features, ...changes }, undefined)).toBe(scale);
  });

  it('is what the caller asks for', () => {
    expect(scaleOf(features, 'none')).toBe(1);
    expect(scaleOf(features, 0.5)).toBe(0.5);
    expect(scaleOf({ ...features, uploaded: 'other', max: 254.5 }, 'unit')).toBe(1 / 255);
  });

  it.each([
    ['unit' as const, { max: 256 }, 'x goes from 0 to 256'],
    ['unit' as const, { min: -0.5 }, 'x goes from -0.5 to 255'],
    [1e37, {}, 'beyond float32'],
    [1e37, { min: -200, max: 0 }, 'beyond float32'],
  ])('refuses %j for %j', (scale, changes, message) => {
    const attempt = () => scaleOf({ ...features, ...changes }, scale);
    expect(attempt).toThrow(Problem);
    expect(attempt).toThrow(message);
  });
});
