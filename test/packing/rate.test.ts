/** Bits, phases and rounding at a rate, against their plain definitions. */
import { describe, expect, it } from 'vitest';
import { bitsAboveZero, bitsOfAll, codeCosts } from '../../src/packing/rate/code-costs.ts';
import { type Numbers, type SearchParts, searched } from '../../src/packing/rate/local-search.ts';
import { pullAt, rampAt, ratePhases } from '../../src/packing/rate/phases.ts';
import { firstStep, multiplesOf } from '../../src/packing/rate/steps.ts';
import { generator } from '../../src/random.ts';
import { expectClose } from '../helpers/numbers.ts';

const numbers = generator(3, 'rate');
const drawn = (count: number, alive: (at: number) => number) =>
  Int32Array.from({ length: count }, (_, at) => (numbers.uniform() < alive(at) ? Math.round(numbers.normal() * 2) : 0));

/** Bits of each element, straight from counts: nothing is shared with what is tested. */
function plainBits(values: Int32Array, shape: readonly number[]): number[] {
  const at = [...values.keys()];
  const indices = at.map((index) => {
    const places: number[] = [];
    let rest = index;
    for (const length of shape.toReversed()) {
      places.unshift(rest % length);
      rest = Math.floor(rest / length);
    }
    return places;
  });
  const share = (members: number[], atLeast: number) => members.filter((index) => Math.abs(values[index]!) >= atLeast).length;
  const whole = (share(at, 1) + 0.5) / (values.length + 1);
  const logit = (p: number) => Math.log2(p) - Math.log2(1 - p);
  const kinds = [
    (index: number) => indices[index]!.slice(0, -2).join(),
    (index: number) => `${indices[index]!.at(-2)}`,
    (index: number) => `${indices[index]!.at(-1)}`,
  ].map((kind) => {
    const groups = Map.groupBy(at, kind);
    const isTold = groups.size > 1 && groups.size * 2 <= values.length;
    return (index: number) => {
      if (!isTold) return 0;
      const others = groups.get(kind(index))!.filter((other) => other !== index);
      return logit((share(others, 1) + 8 * whole) / (others.length + 8)) - logit(whole);
    };
  });
  const common = (index: number) => {
    const others = at.filter((other) => other !== index);
    return logit((share(others, 1) + 0.5) / (others.length + 1));
  };
  const from = (level: number) => at.reduce((sum, index) => sum + Math.max(0, Math.abs(values[index]!) - level + 1), 0);
  const onwards = [Number.NaN, (share(at, 2) + 0.5) / (share(at, 1) + 1)];
  const later = (from(3) + 0.5) / (from(2) + 1);
  return at.map((index) => {
    const odds = Math.max(-16, Math.min(16, common(index) + kinds.reduce((sum, kind) => sum + kind(index), 0)));
    const alive = 2 ** odds / (1 + 2 ** odds);
    const height = Math.abs(values[index]!);
    if (height === 0) return -Math.log2(1 - alive);
    let bits = 1 - Math.log2(alive);
    for (let level = 1; level < height; level++) bits -= Math.log2(onwards[level] ?? later);
    return bits - Math.log2(1 - (onwards[height] ?? later));
  });
}

describe('what whole numbers cost', () => {
  it.each([
    ['a dense kernel', [40, 12], (at: number) => (at % 12 < 6 ? 0.3 : 0.02)],
    ['a convolution', [3, 3, 5, 8], (at: number) => (Math.floor(at / 40) === 4 ? 0.9 : 0.1)],
    ['biases', [30], () => 0.4],
    ['a single number', [1], () => 1],
    ['nothing but zeros', [6, 4], () => 0],
  ])('is what its counts say: %s', (_name, shape, alive) => {
    const values = drawn(
      shape.reduce((product, length) => product * length, 1),
      alive,
    );
    const costs = codeCosts(values, shape);
    const expected = plainBits(values, shape);
    expect(costs.bits).toBeCloseTo(
      expected.reduce((sum, bits) => sum + bits, 0),
      3,
    );
    expect(costs.zeros).toBe(values.filter((value) => value === 0).length);
    const zeros = expected.map((_, at) => Math.log2(1 + 2 ** costs.odds[at]!));
    expect(costs.base).toBeCloseTo(
      zeros.reduce((sum, bits) => sum + bits, 0),
      3,
    );
    expectClose(
      Float32Array.from(values, (value, at) => zeros[at]! + bitsAboveZero(costs, at, value)),
      expected,
      { absolute: 1e-3 },
    );
  });

  it('is most in rows that are nearly empty, whether or not a number is there', () => {
    const values = Int32Array.from({ length: 200 }, (_, at) => (at < 20 ? 1 : at === 150 ? 1 : 0));
    const { odds } = codeCosts(values, [10, 20]);
    expect(odds[150]! - odds[0]!).toBeLessThan(-5);
    // The lone number has nobody beside it, its neighbours have it.
    expect(odds[150]).toBeCloseTo(odds[199]!, 0);
    expect(odds[151]! - odds[191]!).toBeGreaterThan(0.5);
  });
});

describe('the search for better numbers nearby', () => {
  const shape = [30, 8];
  const wanted = Float32Array.from({ length: 240 }, () => (numbers.uniform() < 0.7 ? 0 : 4 * numbers.uniform() - 2));
  const step = 0.5;
  const steep = Float32Array.from(wanted, () => 0.02 + 0.2 * numbers.uniform());
  /** Σ steep · (w - wanted)², and what it says of its own slope. */
  const measure = (found: Numbers) => {
    const { multiples } = found.get('k')!;
    const off = wanted.map((value, at) => multiples[at]! * step - value);
    return {
      loss: off.reduce((sum, value, at) => sum + steep[at]! * value * value, 0),
      gradients: new Map([['k', off.map((value, at) => 2 * steep[at]! * value)]]),
    };
  };
  const start: Numbers = new Map([['k', { shape, multiples: Int32Array.from(wanted, (value) => Math.round(value / step)), step }]]);
  const search = (more: Partial<SearchParts>) =>
    searched(start, { weight: 0.003, curvatures: new Map([['k', steep]]), measure, evaluations: 400, ...more });
  const total = (found: Numbers, weight: number) => measure(found).loss + weight * bitsOfAll(found.values());

  it('ends where no change of a single number is better', () => {
    const { numbers: found, changed, loss, bits } = search({});
    expect(changed).toBeGreaterThan(5);
    expect(total(found, 0.003)).toBeLessThan(total(start, 0.003));
    expect(loss).toEqual([measure(start).loss, measure(found).loss]);
    expect(bits).toEqual([bitsOfAll(start.values()), bitsOfAll(found.values())]);
    const least = total(found, 0.003);
    for (const at of wanted.keys()) {
      const present = found.get('k')!.multiples;
      for (const to of [present[at]! - 1, present[at]! + 1, 0]) {
        const other: Numbers = new Map([['k', { shape, step, multiples: present.with(at, to) }]]);
        // What a change does to the densities of its row and its column is not foreseen.
        expect(total(other, 0.003)).toBeGreaterThan(least - 0.006);
      }
    }
  });

  it('takes back what measures worse than it was foreseen, and stops when it has measured as often as it may', () => {
    let asked = 0;
    const counted = (found: Numbers) => {
      asked++;
      return measure(found);
    };
    expect(search({ measure: counted, evaluations: 3 }).evaluations).toBe(3);
    expect(asked).toBe(3);
    const stubborn = (found: Numbers) => ({ ...measure(found), loss: found === start ? 0 : 1e3 });
    expect(search({ measure: stubborn })).toMatchObject({ numbers: start, changed: 0 });
  });

  it('leaves zeros alone that the loss has no slope at, as under masks', () => {
    const masked = (found: Numbers) => {
      const { loss, gradients } = measure(found);
      const { multiples } = start.get('k')!;
      return { loss, gradients: new Map([['k', gradients.get('k')!.map((value, at) => (multiples[at] === 0 ? 0 : value))]]) };
    };
    const { numbers: found } = search({ measure: masked, weight: 1e-6 });
    for (const [at, multiple] of start.get('k')!.multiples.entries()) if (multiple === 0) expect(found.get('k')!.multiples[at]).toBe(0);
  });
});

describe('the course of a rate', () => {
  it('divides its steps, and ramps λ and the pull', () => {
    const phases = ratePhases({ noise: 0.1, commit: 0.4, ramp: 0.5 }, 100, 50);
    expect(phases).toEqual({ begin: 100, straight: 105, commit: 130, end: 150, full: 125 });
    expect([100, 112, 124, 149].map((step) => rampAt(phases, step))).toEqual([0.04, 0.52, 1, 1]);
    expect([129, 130, 149].map((step) => pullAt(phases, 0.01, step))).toEqual([0, 0.0005, 0.01]);
    const plain = ratePhases({ noise: 0, commit: 0, ramp: 0 }, 7, 3);
    expect([rampAt(plain, 7), pullAt(plain, 1, 9)]).toEqual([1, 0]);
  });

  it('begins with steps of half what weights are like', () => {
    expect(firstStep(Float32Array.of(3, 0, -4, 0))).toBeCloseTo(Math.sqrt(12.5) / 2, 6);
    expect(firstStep(new Float32Array(3))).toBe(1 / 16);
    expect([...multiplesOf(Float32Array.of(0.26, -0.5, 0), 0.25)]).toEqual([1, -2, 0]);
  });
});
