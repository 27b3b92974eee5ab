import { expect, it } from 'vitest';
import { weightsTold } from '../../src/engine/pruning/weights-told.ts';
import type { PrunableKernel } from '../../src/pruning/kernels.ts';

const kernel: PrunableKernel = {
  key: 'd/kernel',
  layer: 'd',
  className: 'Dense',
  weight: 'kernel',
  count: 8,
  shape: [4, 2],
  inputAxes: [0],
  depthwise: false,
};
const scores = new Map([['d/kernel', Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)]]);
const masks = (...lives: number[]) => new Map([['d/kernel', Uint8Array.from(lives)]]);

it('tells of single weights what was compared: those that were gone before are counted, and not scored', () => {
  const present = masks(0, 1, 1, 1, 1, 1, 1, 1);
  const told = weightsTold({ type: 'unstructured' }, [kernel], { scores, present, masks: masks(0, 0, 0, 1, 1, 1, 1, 1) });
  expect(told).toMatchObject({ of: 'weights', kernels: [{ kernel: 'd/kernel', before: 8, after: 5, lowest_kept: 4, highest_removed: 3 }] });
  expect(told.kernels[0]!.distribution!.reduce((sum, bin) => sum + bin.kept + bin.removed, 0)).toBe(7);
});

it('tells of blocks by the mean of their scores', () => {
  // Two inputs by one unit: weights 0 and 2, 1 and 3, 4 and 6, 5 and 7.
  const structure = { type: 'block' as const, rows: 2, cols: 1 };
  const told = weightsTold(structure, [kernel], { scores, present: new Map(), masks: masks(0, 0, 0, 0, 1, 1, 1, 1) });
  expect(told).toMatchObject({ of: 'blocks', kernels: [{ before: 4, after: 2, lowest_kept: 6, highest_removed: 3 }] });
});

it('has no scores of a plan', () => {
  const told = weightsTold({ type: 'unstructured' }, [kernel], { scores: null, present: new Map(), masks: masks(1, 1, 1, 1, 0, 0, 0, 0) });
  expect(told.kernels).toEqual([{ kernel: 'd/kernel', before: 8, after: 4, distribution: null, lowest_kept: null, highest_removed: null }]);
});
