import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/dataset/batches.ts';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { inputTransform } from '../../src/dataset/transform.ts';
import { folder } from './fixtures.ts';

const bytes = { dtype: 'uint8', shape: [2, 1, 2], min: 0, max: 255, scale: 1 / 255 } as const;

describe('inputTransform', () => {
  it('divides by 1 / scale, and does nothing at scale 1', () => {
    expect(inputTransform({ ...bytes, shape: [4] })).toEqual({ center: null, divisor: Float32Array.of(255), shape: [] });
    expect(inputTransform({ ...bytes, shape: [4], scale: 1 })).toEqual({ center: null, divisor: null, shape: [] });
  });

  it.each([
    ['global', [0.5], [0.25], []],
    ['channel', [0.5, 0.25], [0.25, 0.5], [2]],
    ['feature', [0, 0.5, 1, 0.25], [1, 1, 1, 0.5], [2, 1, 2]],
  ] as const)('of %s statistics is in units of what is stored', (standardize, mean, std, shape) => {
    const transform = inputTransform({ ...bytes, shape: [2, 1, 2], scale: 0.5, standardize, mean: [...mean], std: [...std] });
    expect(transform.shape).toEqual(shape);
    expect([...transform.center!]).toEqual(mean.map((value) => value * 2));
    expect([...transform.divisor!]).toEqual(std.map((value) => value * 2));
  });
});

describe('a standardised data set', () => {
  const stored = [0, 51, 255, 102, 5, 10, 15, 20];

  function read(statistics: Pick<Required<DatasetFacts['x']>, 'standardize' | 'mean' | 'std'>): number[] {
    const path = folder();
    const files = { x: join(path, 'x'), y: null, order: join(path, 'order') };
    writeFileSync(files.x, Uint8Array.from(stored));
    writeFileSync(files.order, Uint32Array.of(0, 1));
    const facts: DatasetFacts = {
      format: 'npz',
      x: { ...bytes, shape: [2, 1, 2], ...statistics },
      y: null,
      samples: 2,
      splits: { train: 2, selection: 0, test: 0 },
      test_given: false,
    };
    const data = openDataset(files, facts);
    const { x } = data.read('train', 0, 2);
    data.close();
    return [...x];
  }

  const close = (values: number[], expected: number[]) => {
    expect(values.length).toBe(expected.length);
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(expected[index]!, 5);
  };

  it('by one mean gives (stored / 255 − mean) / std', () => {
    close(
      read({ standardize: 'global', mean: [0.2], std: [0.4] }),
      stored.map((value) => (value / 255 - 0.2) / 0.4),
    );
  });

  it('by channel goes by the last axis', () => {
    close(
      read({ standardize: 'channel', mean: [0, 0.4], std: [1, 0.1] }),
      stored.map((value, index) => (index % 2 === 0 ? value / 255 : (value / 255 - 0.4) / 0.1)),
    );
  });

  it('by feature goes by the element', () => {
    const mean = [0.1, 0.2, 0.3, 0.4];
    const std = [1, 2, 4, 8];
    close(
      read({ standardize: 'feature', mean, std }),
      stored.map((value, index) => (value / 255 - mean[index % 4]!) / std[index % 4]!),
    );
  });

  it('keeps the digits of numbers that are far from 0', () => {
    const path = folder();
    const files = { x: join(path, 'x'), y: null, order: join(path, 'order') };
    writeFileSync(files.x, Float32Array.of(1e6, 1e6 + 1, 1e6 + 2));
    writeFileSync(files.order, Uint32Array.of(0, 1, 2));
    const x = {
      dtype: 'float32',
      shape: [1],
      min: 1e6,
      max: 1e6 + 2,
      scale: 1,
      standardize: 'global',
      mean: [1e6 + 1],
      std: [0.5],
    } as const;
    const data = openDataset(files, {
      format: 'npz',
      x: { ...x, shape: [1], mean: [...x.mean], std: [...x.std] },
      y: null,
      samples: 3,
      splits: { train: 3, selection: 0, test: 0 },
      test_given: false,
    });
    expect([...data.read('train', 0, 3).x]).toEqual([-2, 0, 2]);
    data.close();
  });
});
