import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { suggestion } from '../../src/http/validation/suggestion.ts';

describe('a suggestion', () => {
  it.each([
    ['epoch', 'epochs'],
    ['sede', 'seed'],
    ['Batch_Size', 'batch_size'],
    ['learning_rat', 'learning_rate'],
    ['max_nrom', 'max_norm'],
    ['x', null],
    ['completely_else', null],
  ])('for %s is %s', (given, meant) => {
    expect(suggestion(given, ['epochs', 'seed', 'batch_size', 'learning_rate', 'max_norm'])).toBe(meant);
  });

  it('for a known name with one letter wrong is that name or one as close', () => {
    const known = ['calibration_batches', 'on_non_finite', 'weight_range', 'temperature'];
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.nat(), fc.constantFrom('', 'q', 'qq'), (name, at, by) => {
        const place = at % name.length;
        expect(suggestion(`${name.slice(0, place)}${by}${name.slice(place + 1)}`, known)).toBe(name);
      }),
    );
  });

  it('is quick for names without end', () => {
    expect(suggestion('x'.repeat(1_000_000), ['epochs'])).toBeNull();
  });
});
