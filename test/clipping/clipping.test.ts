import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClippingDecision, clippingRule, clippingVerdict } from '../../src/clipping/index.ts';
import type { Clipping } from '../../src/jobs/spec/index.ts';
import { expectClose } from '../helpers/numbers.ts';

const lengthOf = (values: readonly number[]) => Math.hypot(...values);
const normsOf = (tensors: readonly number[][]) => ({ global: lengthOf(tensors.flat()), tensors: tensors.map(lengthOf) });

/** What the step does with a decision. */
function applied(tensors: readonly number[][], decision: ClippingDecision): number[][] {
  switch (decision.kind) {
    case 'keep':
      return tensors.map((tensor) => [...tensor]);
    case 'scale':
      return tensors.map((tensor, index) => tensor.map((value) => value * decision.factors[index]!));
    case 'clamp':
      return tensors.map((tensor) => tensor.map((value) => Math.min(decision.limit, Math.max(-decision.limit, value))));
  }
}

/** Each rule as its source states it, element by element. */
const SLOW: Record<Clipping['type'], (tensors: readonly number[][], limit: number) => number[][]> = {
  none: (tensors) => tensors.map((tensor) => [...tensor]),
  value: (tensors, limit) => tensors.map((tensor) => tensor.map((value) => Math.sign(value) * Math.min(Math.abs(value), limit))),
  norm: (tensors, limit) =>
    tensors.map((tensor) => {
      const length = Math.sqrt(tensor.reduce((sum, value) => sum + value ** 2, 0));
      return tensor.map((value) => (length > limit ? (value * limit) / length : value));
    }),
  global_norm: (tensors, limit) => {
    const length = Math.sqrt(tensors.flat().reduce((sum, value) => sum + value ** 2, 0));
    return tensors.map((tensor) => tensor.map((value) => (length > limit ? (value * limit) / length : value)));
  },
};

const specOf = (type: Clipping['type'], limit: number): Clipping =>
  type === 'none' ? { type } : type === 'value' ? { type, clip_value: limit } : { type, max_norm: limit };

const clip = (type: Clipping['type'], limit: number, tensors: readonly number[][]) =>
  applied(tensors, clippingRule(specOf(type, limit)).decide(normsOf(tensors)));

describe('a clipping rule', () => {
  const gradients = [
    [3, 4],
    [0, -12],
  ];

  it('of the global norm multiplies everything by C/n: 13 to 6.5 halves', () => {
    expect(clip('global_norm', 6.5, gradients)).toEqual([
      [1.5, 2],
      [0, -6],
    ]);
    expect(clippingRule({ type: 'global_norm', max_norm: 6.5 }).threshold).toBe(6.5);
  });

  it('of the norm scales each tensor by itself: 5 stays, 12 becomes 6', () => {
    expect(clip('norm', 6, gradients)).toEqual([
      [3, 4],
      [0, -6],
    ]);
  });

  it('of the value clamps each element', () => {
    expect(clip('value', 3.5, gradients)).toEqual([
      [3, 3.5],
      [0, -3.5],
    ]);
  });

  it('of none keeps everything and has no threshold', () => {
    expect(clip('none', 0, gradients)).toEqual(gradients);
    expect(clippingRule({ type: 'none' }).threshold).toBeNull();
  });

  it.each(['norm', 'global_norm'] as const)('of %s keeps a norm that is exactly the threshold, and zero', (type) => {
    const rule = clippingRule(specOf(type, 13));
    expect(rule.decide({ global: 13, tensors: [13] })).toEqual({ kind: 'keep' });
    expect(rule.decide({ global: 0, tensors: [0] })).toEqual({ kind: 'keep' });
  });

  const element = fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.constantFrom(0, -0, 1e-30, 1e30, -1e30));
  const tensors = fc.array(fc.array(element, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
  const limits = fc.double({ min: 1e-3, max: 20, noNaN: true });

  it.each(['none', 'value', 'norm', 'global_norm'] as const)('of %s does what its source says, to any gradients', (type) => {
    fc.assert(
      fc.property(tensors, limits, (given, limit) => {
        const [actual, expected] = [clip(type, limit, given).flat(), SLOW[type](given, limit).flat()];
        expectClose(actual, expected, { relative: 1e-12 });
      }),
    );
  });

  it('leaves no norm above its threshold, no element of another sign, and what is small as it was', () => {
    fc.assert(
      fc.property(tensors, limits, (given, limit) => {
        expect(lengthOf(clip('global_norm', limit, given).flat())).toBeLessThanOrEqual(limit * (1 + 1e-12));
        for (const tensor of clip('norm', limit, given)) expect(lengthOf(tensor)).toBeLessThanOrEqual(limit * (1 + 1e-12));
        for (const value of clip('value', limit, given).flat()) expect(Math.abs(value)).toBeLessThanOrEqual(limit);
        const clipped = clip('global_norm', limit, given).flat();
        given.flat().forEach((value, index) => {
          expect(Math.sign(clipped[index]!) * Math.sign(value)).toBeGreaterThanOrEqual(0);
          expect(Math.abs(clipped[index]!)).toBeLessThanOrEqual(Math.abs(value));
        });
        if (lengthOf(given.flat()) <= limit) expect(clipped).toEqual(given.flat());
      }),
    );
  });

  it('scales by factors in (0, 1] only', () => {
    fc.assert(
      fc.property(tensors, limits, fc.constantFrom('norm' as const, 'global_norm' as const), (given, limit, type) => {
        const decision = clippingRule(specOf(type, limit)).decide(normsOf(given));
        if (decision.kind !== 'scale') return;
        expect(decision.factors).toHaveLength(given.length);
        for (const factor of decision.factors) expect(factor > 0 && factor <= 1).toBe(true);
        expect(Math.min(...decision.factors)).toBeLessThan(1);
      }),
    );
  });
});

describe('clippingVerdict', () => {
  it.each([
    [0, 'never_fired'],
    [1e-9, 'safety_net'],
    [0.0999, 'safety_net'],
    [0.1, 'active'],
    [0.9, 'active'],
    [0.9001, 'always_binding'],
    [1, 'always_binding'],
  ])('of a fraction of %s is %s', (fraction, verdict) => expect(clippingVerdict(fraction)).toBe(verdict));
});
