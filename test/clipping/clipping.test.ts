import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClippingRule, clippingRule, clippingVerdict, type ProbedRule } from '../../src/clipping/index.ts';
import { Clipping } from '../../src/jobs/spec/index.ts';
import { fillDefaults } from '../../src/schema.ts';
import { expectClose } from '../helpers/numbers.ts';
import { clip, flat, lengthOf, type Nested, tensorOf } from './numbers.ts';

const ruleOf = (spec: Record<string, unknown>): ClippingRule => clippingRule(fillDefaults(Clipping, spec));

/** A gradient of one weight, of this norm. */
const norm = (length: number): Nested[] => [[length]];
const one = [tensorOf('a/kernel', [1])];
/** Takes a step of this norm, and gives what came of it. */
function step(rule: ClippingRule, length: number, at = 0) {
  const result = clip(rule, one, norm(length), at);
  rule.observe(result.before, result.after);
  return result;
}

/** The elementwise rules as their sources state them, element by element. */
const SLOW: Record<'none' | 'value' | 'norm' | 'global_norm', (tensors: readonly number[][], limit: number) => number[][]> = {
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

const simple = (type: keyof typeof SLOW, limit: number): ClippingRule =>
  ruleOf(type === 'none' ? { type } : type === 'value' ? { type, clip_value: limit } : { type, max_norm: limit });

describe('a clipping rule', () => {
  const gradients = [
    [3, 4],
    [0, -12],
  ];
  const tensors = [tensorOf('a/kernel', [2]), tensorOf('b/kernel', [2])];

  it('of the global norm multiplies everything by C/n: 13 to 6.5 halves', () => {
    expect(clip(simple('global_norm', 6.5), tensors, gradients)).toEqual({
      values: [
        [1.5, 2],
        [0, -6],
      ],
      threshold: 6.5,
      fraction: 1,
      before: 13,
      after: 6.5,
    });
  });

  it('of the norm scales each tensor by itself: 5 stays, 12 becomes 6', () => {
    expect(clip(simple('norm', 6), tensors, gradients)).toEqual({
      values: [
        [3, 4],
        [0, -6],
      ],
      threshold: 6,
      fraction: 0.5,
      before: 13,
      after: Math.sqrt(25 + 36),
    });
  });

  it('of the value clamps each element', () => {
    expect(clip(simple('value', 3.5), tensors, gradients)).toMatchObject({
      values: [
        [3, 3.5],
        [0, -3.5],
      ],
      threshold: 3.5,
      fraction: 0.5,
    });
  });

  it('of none keeps everything and has no threshold', () => {
    expect(clip(simple('none', 0), tensors, gradients)).toEqual({
      values: gradients,
      threshold: null,
      fraction: null,
      before: 13,
      after: 13,
    });
  });

  it.each(['norm', 'global_norm'] as const)('of %s keeps a norm that is exactly the threshold, and zero', (type) => {
    for (const kept of [[[5, 12]], [[0, 0]]]) {
      expect(clip(simple(type, 13), [tensors[0]!], kept)).toMatchObject({ values: kept, fraction: 0 });
    }
  });

  const element = fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.constantFrom(0, -0, 1e-30, 1e30, -1e30));
  const some = fc.array(fc.array(element, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 });
  const limits = fc.double({ min: 1e-3, max: 20, noNaN: true });

  it.each(['none', 'value', 'norm', 'global_norm'] as const)('of %s does what its source says, to any gradients', (type) => {
    fc.assert(
      fc.property(some, limits, (given, limit) => {
        const named = given.map((values, index) => tensorOf(`${index}/kernel`, [values.length]));
        const { values, after } = clip(simple(type, limit), named, given);
        const expected = SLOW[type](given, limit);
        expectClose(flat(values), expected.flat(), { relative: 1e-12 });
        // Squares below the smallest number are 0.
        expectClose([after], [lengthOf(expected)], { relative: 1e-12, absolute: 1e-150 });
      }),
    );
  });

  it.each(['norm', 'global_norm'] as const)('of %s leaves no norm beyond its threshold, and nothing changed within it', (type) => {
    fc.assert(
      fc.property(some, limits, (given, limit) => {
        const named = given.map((values, index) => tensorOf(`${index}/kernel`, [values.length]));
        const { values, fraction } = clip(simple(type, limit), named, given);
        const parts = type === 'norm' ? values : [values];
        for (const part of parts) expect(lengthOf(part)).toBeLessThanOrEqual(limit * (1 + 1e-12));
        if (lengthOf(given) <= limit) expect({ values, fraction }).toEqual({ values: given, fraction: 0 });
      }),
    );
  });
});

describe('groups with thresholds of their own', () => {
  const tensors = [tensorOf('conv_1/kernel', [1]), tensorOf('conv_1/bias', [1]), tensorOf('head/kernel', [2]), tensorOf('head/bias', [1])];
  const gradients = [[3], [4], [6, 8], [24]];
  const groups = [
    { layers: 'conv_*', threshold: 2.5 },
    { layers: 'head/kernel', threshold: 20 },
    { layers: '*/kernel', threshold: 1 },
  ];

  it('have a global norm each: by layer, by layer/weight, the first that fits', () => {
    // conv_1 has norm 5 and becomes 2.5; head/kernel has 10 within 20; head/bias is left to the rule, 24 to 12. Two norms of three are clipped.
    const { values, threshold, fraction, after } = clip(ruleOf({ type: 'global_norm', max_norm: 12, groups }), tensors, gradients);
    expect(values).toEqual([[1.5], [2], [6, 8], [12]]);
    expect({ threshold, fraction }).toEqual({ threshold: 12, fraction: 2 / 3 });
    expectClose([after], [Math.sqrt(2.5 ** 2 + 10 ** 2 + 12 ** 2)], { relative: 1e-14 });
  });

  it('are the thresholds of norms and values of the tensors in them', () => {
    expect(clip(ruleOf({ type: 'norm', max_norm: 12, groups }), tensors, gradients)).toMatchObject({
      values: [[2.5], [2.5], [6, 8], [12]],
      fraction: 3 / 4,
    });
    expect(clip(ruleOf({ type: 'value', clip_value: 12, groups }), tensors, gradients)).toMatchObject({
      values: [[2.5], [2.5], [6, 8], [12]],
      fraction: 3 / 5,
    });
  });

  it('cover everything where they do; the rule’s own threshold then bounds nothing', () => {
    const all = [{ layers: '*', threshold: 1 }];
    const { values, fraction } = clip(ruleOf({ type: 'global_norm', max_norm: 1e9, groups: all }), [tensors[0]!, tensors[1]!], [[3], [4]]);
    expectClose(flat(values), [0.6, 0.8], { relative: 1e-14 });
    expect(fraction).toBe(1);
  });

  it('are factors of weights’ norms under agc', () => {
    const rule = ruleOf({ type: 'agc', clip_factor: 0.5, groups: [{ layers: 'b', threshold: 0.1 }] });
    const named = [tensorOf('a/kernel', [1, 1]), tensorOf('b/kernel', [1, 1])];
    expect(clip(rule, named, [[[10]], [[10]]], 0, [[[4]], [[4]]]).values).toEqual([[[2]], [[0.4]]]);
  });

  it('name whole names: a dot, a bracket or a prefix is no pattern', () => {
    const named = ['a.b/kernel', 'axb/kernel', 'a.bc/kernel', 'c[0]/kernel'].map((key) => tensorOf(key, [1]));
    const rule = ruleOf({
      type: 'norm',
      max_norm: 8,
      groups: [
        { layers: 'a.b', threshold: 1 },
        { layers: 'c[0]', threshold: 2 },
      ],
    });
    expect(clip(rule, named, [[9], [9], [9], [9]]).values).toEqual([[1], [8], [8], [2]]);
  });
});

describe('the warm-up of a threshold', () => {
  const warmup = { steps: 4, from: 9 };

  it.each([
    ['global_norm', { max_norm: 2 }],
    ['norm', { max_norm: 2 }],
    ['value', { clip_value: 2 }],
  ])('of %s falls linearly from `from` times its value, groups included', (type, own) => {
    const rule = ruleOf({ type, ...own, warmup, groups: [{ layers: 'b', threshold: 1 }] });
    const named = [tensorOf('a/kernel', [1]), tensorOf('b/kernel', [1])];
    const at = [0, 1, 2, 3, 4, 5, 1000].map((number) => clip(rule, named, [[1000], [1000]], number));
    expect(at.map(({ threshold }) => threshold)).toEqual([18, 14, 10, 6, 2, 2, 2]);
    expect(at.map(({ values }) => flat(values))).toEqual([18, 14, 10, 6, 2, 2, 2].map((limit) => [limit, limit / 2]));
  });

  it('of agc scales its factor', () => {
    const rule = ruleOf({ type: 'agc', clip_factor: 0.5, warmup });
    const at = [0, 2, 4].map((number) => clip(rule, [tensorOf('a/kernel', [1, 1])], [[[100]]], number, [[[2]]]));
    expect(at.map(({ values }) => flat(values))).toEqual([[9], [5], [1]]);
    expect(at.map(({ threshold }) => threshold)).toEqual([4.5, 2.5, 0.5]);
  });
});

describe('max_norm: "auto"', () => {
  const auto = (): ProbedRule => ruleOf({ type: 'global_norm', max_norm: 'auto', probe_steps: 11 }) as ProbedRule;

  it('clips nothing until it is settled at the 90th percentile of the probe’s norms', () => {
    const rule = auto();
    expect(rule.probeSteps()).toBe(11);
    expect(step(rule, 1e6)).toMatchObject({ values: [[1e6]], fraction: 0, threshold: Number.POSITIVE_INFINITY });
    // 0 to 10: the percentile is the element at place 9.
    expect(rule.settle([5, 3, 10, 0, 1, 2, 4, 6, 7, 9, 8])).toBe(9);
    expect(rule.probeSteps()).toBe(0);
    expect(step(rule, 12)).toMatchObject({ values: [[9]], fraction: 1, threshold: 9 });
  });

  it('interpolates between neighbours, and takes the norms as numbers', () => {
    expect(auto().settle([100, 20, 3])).toBeCloseTo(20 + 0.8 * 80, 12);
    expect(auto().settle([7])).toBe(7);
  });

  it('is settled once: a resumed job does not probe again', () => {
    const rule = auto();
    rule.settle([1, 2, 3]);
    const again = auto();
    again.restore(JSON.parse(JSON.stringify(rule.memory())));
    expect(again.probeSteps()).toBe(0);
    expect(again.next(0)).toEqual(rule.next(0));
  });
});

/** Adaptive clipping unit by unit, with explicit loops over the tensor's elements. */
function slowAgc(gradient: Nested, weight: Nested, shape: readonly number[], unitAxes: readonly number[], factor: number, epsilon: number) {
  const [g, w] = [flat(gradient), flat(weight)];
  const unitOf = (element: number): string => {
    let rest = element;
    const place = shape.toReversed().map((axis) => {
      const at = rest % axis;
      rest = Math.floor(rest / axis);
      return at;
    });
    return place
      .reverse()
      .filter((_, axis) => !unitAxes.includes(axis))
      .join();
  };
  const units = Map.groupBy(g.keys(), unitOf);
  const clipped = [...g];
  let count = 0;
  for (const members of units.values()) {
    const length = Math.sqrt(members.reduce((sum, index) => sum + g[index]! ** 2, 0));
    const limit = factor * Math.max(Math.sqrt(members.reduce((sum, index) => sum + w[index]! ** 2, 0)), epsilon);
    if (length <= limit) continue;
    count++;
    for (const index of members) clipped[index] = (g[index]! * limit) / length;
  }
  return { clipped, fraction: count / units.size };
}

describe('agc', () => {
  it('clips each column of a dense kernel by the norm of its weights', () => {
    // Columns of g: (3, 4) of norm 5, (0, 1). Of w: (6, 8) of norm 10, (2, 0). With λ = 0.25 the limits are 2.5 and 0.5.
    const result = clip(
      ruleOf({ type: 'agc', clip_factor: 0.25 }),
      [tensorOf('a/kernel', [2, 2])],
      [
        [
          [3, 0],
          [4, 1],
        ],
      ],
      0,
      [
        [
          [6, 2],
          [8, 0],
        ],
      ],
    );
    expectClose(flat(result.values), [1.5, 0, 2, 0.5], { relative: 1e-14 });
    expect(result).toMatchObject({ fraction: 1, threshold: 0.25 });
  });

  it('treats units below ε as being ε', () => {
    const rule = ruleOf({ type: 'agc', clip_factor: 0.5, epsilon: 0.01 });
    const bias = tensorOf('a/bias', [2], { role: 'bias', unitAxes: [0] });
    const { values, fraction } = clip(rule, [bias], [[0.3, 0.4]], 0, [[0, 0]]);
    expectClose(flat(values), [0.003, 0.004], { relative: 1e-14 });
    expect(fraction).toBe(1);
  });

  it('leaves a zero gradient and one within its limit alone', () => {
    const rule = ruleOf({ type: 'agc', clip_factor: 0.5 });
    expect(clip(rule, [tensorOf('a/kernel', [1, 2])], [[[0, 1]]], 0, [[[0, 2]]])).toMatchObject({ values: [[[0, 1]]], fraction: 0 });
  });

  it('leaves the output’s layer out unless asked for', () => {
    const named = [tensorOf('a/kernel', [1, 1]), tensorOf('out/kernel', [1, 1], { last: true })];
    const [gradients, weights] = [
      [[[10]], [[10]]],
      [[[2]], [[2]]],
    ];
    expect(clip(ruleOf({ type: 'agc', clip_factor: 0.5 }), named, gradients, 0, weights)).toMatchObject({
      values: [[[1]], [[10]]],
      fraction: 1,
    });
    expect(clip(ruleOf({ type: 'agc', clip_factor: 0.5, include_output: true }), named, gradients, 0, weights)).toMatchObject({
      values: [[[1]], [[1]]],
    });
  });

  it('clips nothing of a model whose only layer makes its output, and has no fraction', () => {
    const last = tensorOf('out/kernel', [1, 1], { last: true });
    expect(clip(ruleOf({ type: 'agc' }), [last], [[[10]]], 0, [[[1]]])).toMatchObject({ values: [[[10]]], fraction: null });
  });

  it.each([
    ['a dense kernel', [3, 4], [0]],
    ['a convolution', [2, 2, 3, 4], [0, 1, 2]],
    ['a transposed convolution', [2, 2, 4, 3], [0, 1, 3]],
    ['a depthwise convolution', [2, 2, 3, 2], [0, 1]],
    ['a convolution of sequences', [3, 2, 4], [0, 1]],
    ['an embedding, by row', [5, 3], [1]],
    ['heads', [4, 2, 3], [0]],
    ['a bias', [6], [0]],
  ])('of %s agrees with loops over its elements', (_what, shape, unitAxes) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const nested = (values: number[], axes: readonly number[]): Nested => {
      if (axes.length === 0) return values[0]!;
      const width = values.length / axes[0]!;
      return Array.from({ length: axes[0]! }, (_, at) => nested(values.slice(at * width, (at + 1) * width), axes.slice(1)));
    };
    const element = fc.oneof(fc.double({ min: -3, max: 3, noNaN: true }), fc.constantFrom(0, 1e20, -1e20, 1e-20));
    const values = fc.array(element, { minLength: size, maxLength: size });
    fc.assert(
      fc.property(values, values, (g, w) => {
        const [gradient, weight] = [nested(g, shape), nested(w, shape)];
        const { values: clipped, fraction } = clip(
          ruleOf({ type: 'agc', clip_factor: 0.2, epsilon: 0.05 }),
          [tensorOf('a/kernel', shape, { unitAxes })],
          [gradient],
          0,
          [weight],
        );
        const expected = slowAgc(gradient, weight, shape, unitAxes, 0.2, 0.05);
        for (const [index, value] of flat(clipped).entries())
          expectClose([value], [expected.clipped[index]!], { relative: 1e-10, absolute: 1e-30 });
        expect(fraction).toBeCloseTo(expected.fraction, 12);
      }),
      { numRuns: 40 },
    );
  });
});

/** NumPy's default percentile of numbers in any order. */
function slowPercentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (p / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below]! * (1 - (place - below)) + (sorted[below + 1] ?? 0) * (place - below);
}

describe('autoclip', () => {
  it('clips by the percentile of the norms so far, the present one included', () => {
    const rule = ruleOf({ type: 'autoclip', percentile: 50 });
    // Medians of [4], [4, 2], [4, 2, 6], [4, 2, 6, 10]: the first lets its own norm through.
    const results = [4, 2, 6, 10].map((length, at) => step(rule, length, at));
    expect(results.map(({ threshold }) => threshold)).toEqual([4, 3, 4, 5]);
    expect(results.map(({ fraction }) => fraction)).toEqual([0, 0, 1, 1]);
    expect(results.map(({ after }) => after)).toEqual([4, 2, 4, 5]);
  });

  it.each([0, 10, 37.5, 50, 90, 100])('has the exact percentile %s of any history, equal norms included', (percentile) => {
    const norms = fc.array(fc.oneof(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 5 })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(norms, (lengths) => {
        const rule = ruleOf({ type: 'autoclip', percentile });
        for (const [at, length] of lengths.entries()) {
          const expected = slowPercentile(lengths.slice(0, at + 1), percentile);
          expectClose([step(rule, length, at).threshold!], [expected], { relative: 1e-9 }, `threshold ${at}`);
        }
      }),
    );
  });

  it('forgets what is older than its history, and only that', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0.1, max: 9, noNaN: true })), { minLength: 8, maxLength: 40 }),
        fc.integer({ min: 2, max: 6 }),
        (lengths, history) => {
          const rule = ruleOf({ type: 'autoclip', percentile: 30, history });
          for (const [at, length] of lengths.entries()) {
            const expected = slowPercentile(lengths.slice(Math.max(0, at + 1 - history), at + 1), 30);
            expectClose([step(rule, length, at).threshold!], [expected], { relative: 1e-9 }, `threshold ${at}`);
          }
        },
      ),
    );
  });

  it('says that it binds by design', () => expect(ruleOf({ type: 'autoclip' }).byDesign).toBe(true));
});

/** ZClip over a list of norms, from its definition: what each becomes, and the bound on it. */
function slowZclip(norms: readonly number[], zThreshold: number, alpha: number, warmup: number, maxNorm: number): number[] {
  let [mean, variance] = [Number.NaN, Number.NaN];
  return norms.map((n, at) => {
    if (at === warmup) {
      const early = norms.slice(0, warmup);
      mean = early.reduce((sum, value) => sum + value) / warmup;
      variance = early.reduce((sum, value) => sum + (value - mean) ** 2, 0) / warmup;
    }
    let z = 0;
    let fed = n;
    if (at >= warmup) {
      const sigma = Math.sqrt(variance);
      z = (n - mean) / (sigma + 1e-6);
      if (z > zThreshold) fed = Math.min(n, mean + (zThreshold * zThreshold * sigma) / z);
      mean = alpha * mean + (1 - alpha) * fed;
      variance = alpha * variance + (1 - alpha) * (fed - mean) * (fed - mean);
    }
    return Math.min(fed, maxNorm);
  });
}

describe('zclip', () => {
  it('clips a spike to μ + z₀²·σ/z, from norms as worked by hand', () => {
    const rule = ruleOf({ type: 'zclip', z_threshold: 2, alpha: 0.5, warmup_steps: 2, max_norm: null });
    // Warm-up 1, 3: mean 2, population variance 1.
    for (const [at, length] of [1, 3].entries()) expect(step(rule, length, at)).toMatchObject({ after: length, fraction: 0 });
    // z = (7 - 2)/(1 + 1e-6) ≈ 5: C = 2 + 4·1/5 = 2.8. Mean ½·2 + ½·2.8 = 2.4; variance ½·1 + ½·(2.8 - 2.4)² = 0.58.
    const spike = step(rule, 7, 2);
    expectClose([spike.threshold!, spike.after], [2.8, 2.8], { relative: 1e-6 });
    expect(spike.fraction).toBe(1);
    // z = (5.4 - 2.4)/√0.58 = 3.9392: C = 2.4 + 4·√0.58/3.9392 = 3.17333.
    expectClose([step(rule, 5.4, 3).threshold!], [2.4 + (4 * 0.58) / 3], { relative: 1e-5 });
  });

  it('has no threshold while nothing is a spike, unless max_norm bounds from the first step', () => {
    const free = ruleOf({ type: 'zclip', warmup_steps: 2, max_norm: null });
    for (const [at, length] of [1, 1.1, 1.06].entries()) expect(step(free, length, at).threshold).toBe(Number.POSITIVE_INFINITY);
    expect(step(ruleOf({ type: 'zclip' }), 5)).toMatchObject({ threshold: 1, after: 1, fraction: 1 });
  });

  it('is fed norms as the z-score leaves them, not as max_norm does', () => {
    const [bounded, free] = [0.5, null].map((max_norm) => ruleOf({ type: 'zclip', warmup_steps: 3, max_norm }));
    for (const [at, length] of [1, 2, 3, 9, 2, 8].entries()) for (const rule of [bounded!, free!]) step(rule, length, at);
    expect(bounded!.memory()).toEqual(free!.memory());
  });

  it('agrees with its definition over any norms', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.double({ min: 0.5, max: 1.5, noNaN: true }), fc.double({ min: 1, max: 1000, noNaN: true })), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.double({ min: 0.5, max: 4, noNaN: true }),
        fc.integer({ min: 2, max: 10 }),
        fc.option(fc.double({ min: 0.5, max: 5, noNaN: true })),
        (lengths, z_threshold, warmup_steps, max_norm) => {
          const rule = ruleOf({ type: 'zclip', z_threshold, warmup_steps, max_norm });
          const expected = slowZclip(lengths, z_threshold, 0.97, warmup_steps, max_norm ?? Number.POSITIVE_INFINITY);
          for (const [at, length] of lengths.entries())
            expectClose([step(rule, length, at).after], [expected[at]!], { relative: 1e-9 }, `norm ${at}`);
        },
      ),
    );
  });
});

describe('what a rule remembers', () => {
  const lengths = Array.from({ length: 60 }, (_, at) => 1 + Math.abs(Math.sin(at * 12.9898) * 5) + (at % 13 === 0 ? 40 : 0));

  it.each([
    { type: 'autoclip', percentile: 25 },
    { type: 'autoclip', percentile: 25, history: 12 },
    { type: 'zclip', warmup_steps: 10 },
    { type: 'zclip', warmup_steps: 45, max_norm: null },
    { type: 'global_norm', max_norm: 2, warmup: { steps: 50 } },
    { type: 'agc' },
    { type: 'value', clip_value: 1 },
    { type: 'norm', max_norm: 1 },
    { type: 'none' },
  ])('of %j goes through JSON: a resumed run goes on as one that was never interrupted', (spec) => {
    const whole = ruleOf(spec);
    const expected = lengths.map((length, at) => step(whole, length, at));
    for (const at of [0, 1, 7, 30, 59]) {
      const before = ruleOf(spec);
      for (let done = 0; done < at; done++) step(before, lengths[done]!, done);
      const kept = JSON.stringify(before.memory());
      const after = ruleOf(spec);
      after.restore(JSON.parse(kept));
      expect(lengths.slice(at).map((length, index) => step(after, length, at + index))).toEqual(expected.slice(at));
    }
  });

  it.each([{ type: 'autoclip' }, { type: 'zclip' }])('of %j is a copy, on the way out and on the way in', (spec) => {
    const rule = ruleOf(spec);
    step(rule, 1);
    const memory = rule.memory();
    const kept = JSON.stringify(memory);
    step(rule, 2, 1);
    expect(JSON.stringify(memory)).toBe(kept);
    const other = ruleOf(spec);
    other.restore(memory);
    step(other, 3, 1);
    expect(JSON.stringify(memory)).toBe(kept);
  });

  it('does not grow by looking: next() and clip() change nothing', () => {
    for (const spec of [
      { type: 'autoclip', history: 3 },
      { type: 'zclip', warmup_steps: 3 },
    ]) {
      const rule = ruleOf(spec);
      for (const [at, length] of [3, 1, 2, 5].entries()) step(rule, length, at);
      const before = JSON.stringify(rule.memory());
      const first = clip(rule, one, norm(9));
      expect(clip(rule, one, norm(9))).toEqual(first);
      expect(JSON.stringify(rule.memory())).toBe(before);
    }
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

  it('of a rule that is meant to bind says so, unless it never did', () => {
    expect([1e-9, 0.5, 1].map((fraction) => clippingVerdict(fraction, true))).toEqual(['by_design', 'by_design', 'by_design']);
    expect(clippingVerdict(0, true)).toBe('never_fired');
  });
});
