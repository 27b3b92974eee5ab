import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGraph } from '../../src/model/graph.ts';
import { kernelsToCut } from '../../src/pruning/candidates.ts';
import { criterion, type SolvedWeights } from '../../src/pruning/criteria/index.ts';
import { greedyLosses, rescaling } from '../../src/pruning/criteria/reconstruction.ts';
import { woodfisher } from '../../src/pruning/criteria/woodfisher.ts';
import {
  asMatrix,
  fromMatrix,
  inputCount,
  matrixOrder,
  type PrunableKernel,
  prunableKernels,
  unitCount,
} from '../../src/pruning/kernels.ts';
import { blockMasks } from '../../src/pruning/structures/block.ts';
import { patternAt, patternMasks, patternZeros } from '../../src/pruning/structures/n-m.ts';
import { unitwiseMasks, unstructuredMasks } from '../../src/pruning/structures/unstructured.ts';
import { planZeros } from '../../src/pruning/zeros.ts';
import { generator } from '../../src/random.ts';
import { conv2d, dense, flatten, layer, sequential } from '../helpers/documents.ts';
import { expectClose } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const window = { kernel_size: [3, 3], strides: [1, 1], padding: 'same', use_bias: false, activation: 'linear' };
const graph = readGraph(
  sequential(
    [8, 8, 3],
    [
      conv2d('c', 4, 3, { padding: 'same' }),
      layer('DepthwiseConv2D', 'w', { ...window, depth_multiplier: 2 }),
      layer('Conv2DTranspose', 't', { ...window, filters: 5 }),
      flatten('f'),
      dense('d', 6),
      dense('e', 2),
    ],
  ),
);
const kernels = prunableKernels(graph, { exclude: [] });
const kernelOf = (layer: string): PrunableKernel => kernels.find((kernel) => kernel.layer === layer)!;
const one = (inputs: number, units: number): PrunableKernel => ({
  ...kernelOf('d'),
  key: 'd/kernel',
  count: inputs * units,
  shape: [inputs, units],
});
const scored = (kernel: PrunableKernel, seed = 1) => {
  const random = generator(seed, kernel.key);
  return Float32Array.from({ length: kernel.count }, () => random.uniform());
};
const zerosOf = (mask: Uint8Array) => mask.reduce((count, lives) => count + 1 - lives, 0);
/** Masks as matrices [inputs][units]. */
const matrixOf = (kernel: PrunableKernel, values: ArrayLike<number>): number[][] => {
  const order = matrixOrder(kernel);
  const units = unitCount(kernel);
  return Array.from({ length: inputCount(kernel) }, (_, input) =>
    Array.from({ length: units }, (_, unit) => values[order[input * units + unit]!]!),
  );
};

describe('a kernel as a matrix', () => {
  it.each([
    ['c', 27, 4, [0, 1, 2]],
    ['w', 9, 8, [0, 1]],
    // [height, width, out, in]
    ['t', 72, 5, [0, 1, 3]],
    ['d', 320, 6, [0]],
  ] as const)('of %s has %i inputs and %i units', (layer, inputs, units, axes) => {
    const kernel = kernelOf(layer);
    expect([inputCount(kernel), unitCount(kernel), [...kernel.inputAxes]]).toEqual([inputs, units, [...axes]]);
    const values = Float32Array.from({ length: kernel.count }, (_, at) => at);
    expect([...fromMatrix(asMatrix(values, matrixOrder(kernel)), matrixOrder(kernel))]).toEqual([...values]);
  });

  it('counts the inputs of a transposed convolution over height, width and channel', () => {
    // Element (h, w, o, i) of [3, 3, 5, 8] stands at ((3h + w)·5 + o)·8 + i.
    expect(matrixOrder(kernelOf('t'))[(9 + 2) * 5 + 4]).toBe((1 * 5 + 4) * 8 + 3);
  });
});

describe('n of m', () => {
  it.each(['c', 'w', 't', 'd'])('keeps the n best of every m consecutive inputs of each unit of %s', (layer) => {
    const kernel = kernelOf(layer);
    const scores = scored(kernel);
    const mask = patternMasks([kernel], new Map([[kernel.key, scores]]), new Map(), { n: 2, m: 4 }).get(kernel.key)!;
    const [lives, worth] = [matrixOf(kernel, mask), matrixOf(kernel, scores)];
    for (let unit = 0; unit < unitCount(kernel); unit++) {
      for (let from = 0; from < inputCount(kernel); from += 4) {
        const inputs = [0, 1, 2, 3].map((at) => from + at).filter((input) => input < inputCount(kernel));
        const best = [...inputs].sort((a, b) => worth[b]![unit]! - worth[a]![unit]!).slice(0, 2);
        for (const input of inputs) expect(lives[input]![unit], `${input} of ${unit}`).toBe(best.includes(input) ? 1 : 0);
      }
    }
    expect(zerosOf(mask)).toBe(patternZeros(kernel, { n: 2, m: 4 }));
  });

  it('comes down to n as more is cut, and never brings a weight back', () => {
    expect([1, 0.8, 0.75, 0.6, 0.5].map((kept) => patternAt(kept, { n: 2, m: 4 }).n)).toEqual([4, 4, 3, 3, 2]);
    const kernel = one(4, 1);
    const present = new Map([[kernel.key, Uint8Array.of(1, 1, 0, 1)]]);
    const masks = patternMasks([kernel], new Map([[kernel.key, Float32Array.of(1, 3, 9, 2)]]), present, { n: 2, m: 4 });
    expect([...masks.get(kernel.key)!]).toEqual([0, 1, 0, 1]);
  });

  it('leaves out kernels of fewer inputs, with the reason', () => {
    const asked = {
      criterion: { type: 'magnitude', p: 2 },
      structure: { type: 'n_m', n: 4, m: 16 },
      scope: 'auto',
      layers: { exclude: [], overrides: {} },
    } as const;
    const { kernels: taken, leftOut } = kernelsToCut(graph, { ...asked, layers: { exclude: [], overrides: {} } });
    expect(taken.map(({ layer }) => layer)).toEqual(['c', 't', 'd']);
    expect(leftOut).toEqual([
      { name: 'w/kernel', reason: 'its units have 9 inputs, fewer than 16' },
      { name: 'e/kernel', reason: 'its units have 6 inputs, fewer than 16' },
    ]);
  });
});

describe('blocks', () => {
  it('go whole, the lowest mean first, smaller at the borders', () => {
    const kernel = one(5, 3);
    // Blocks of 2 by 2: rows 0-1, 2-3, 4; units 0-1, 2.
    const scores = Float32Array.from([9, 9, 1, 9, 9, 1, 2, 2, 9, 2, 2, 9, 3, 3, 9]);
    const at = (sparsity: number) =>
      matrixOf(
        kernel,
        blockMasks([kernel], new Map([[kernel.key, scores]]), new Map(), { rows: 2, cols: 2 }, { sparsity, scope: 'layer' }).get(
          kernel.key,
        )!,
      );
    // The block of unit 2 with mean 1 is the first, then that of mean 2, then that of mean 3.
    expect(at(2 / 15)).toEqual([
      [1, 1, 0],
      [1, 1, 0],
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(at(6 / 15)).toEqual([
      [1, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
      [0, 0, 1],
      [1, 1, 1],
    ]);
    expect(at(8 / 15)).toEqual([
      [1, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
      [0, 0, 1],
      [0, 0, 1],
    ]);
  });

  it('leave every strip of output units one, or are refused', async () => {
    const kernel = one(4, 4);
    const cut = (sparsity: number) =>
      blockMasks([kernel], new Map([[kernel.key, scored(kernel)]]), new Map(), { rows: 2, cols: 2 }, { sparsity, scope: 'global' }).get(
        kernel.key,
      )!;
    expect(zerosOf(cut(0.5))).toBe(8);
    await expectProblem(() => cut(0.75), 'TARGET_OUT_OF_REACH', /12 zeros among 16 weights \(d\).*8 is the most/);
  });

  it('of convolutions and their kin are blocks of the matrix, with as many zeros as asked for and less than a block more', () => {
    const problem = fc.record({
      rows: fc.integer({ min: 1, max: 5 }),
      cols: fc.integer({ min: 1, max: 4 }),
      sparsity: fc.double({ min: 0, max: 0.6, noNaN: true }),
      scope: fc.constantFrom('layer' as const, 'global' as const, 'erk' as const),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(problem, ({ rows, cols, sparsity, scope, seed }) => {
        const scores = new Map(kernels.map((kernel) => [kernel.key, scored(kernel, seed)]));
        const options = { sparsity, scope };
        let masks: ReturnType<typeof blockMasks>;
        try {
          masks = blockMasks(kernels, scores, new Map(), { rows, cols }, options);
        } catch {
          return;
        }
        for (const kernel of kernels) {
          const lives = matrixOf(kernel, masks.get(kernel.key)!);
          for (const [input, row] of lives.entries()) {
            for (const [unit, value] of row.entries()) expect(value).toBe(lives[input - (input % rows)]![unit - (unit % cols)]);
          }
        }
        for (const { kernels: together, zeros } of planZeros(kernels, options)) {
          const made = together.reduce((sum, { key }) => sum + zerosOf(masks.get(key)!), 0);
          expect(made).toBeGreaterThanOrEqual(zeros);
          expect(made).toBeLessThan(zeros + rows * cols);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe('scopes', () => {
  it('erk gives each kernel a density by its shape, and all of it where that is more than one', () => {
    // Densities ε·(in + out)/(in·out): 100 by 10 has 0.11ε, 10 by 10 0.2ε, 2 by 10 0.6ε; 1120 weights of which 280 stay.
    const all = [one(100, 10), { ...one(10, 10), key: 'b/kernel', layer: 'b' }, { ...one(2, 10), key: 'c/kernel', layer: 'c' }];
    const epsilon = (280 - 20) / (110 + 20);
    const kept = planZeros(all, { sparsity: 0.75, scope: 'erk' }).map(({ kernels: [kernel], zeros }) => kernel!.count - zeros);
    expect(kept).toEqual([epsilon * 110, epsilon * 20, 20]);
  });

  it('erk keeps one weight a unit where it would be less, and hits the sparsity to the weight', () => {
    const all = [one(784, 300), { ...one(300, 100), key: 'b/kernel' }, { ...one(100, 10), key: 'c/kernel' }];
    const plan = planZeros(all, { sparsity: 0.998, scope: 'erk' });
    const total = all.reduce((sum, { count }) => sum + count, 0);
    expect(plan.reduce((sum, { zeros }) => sum + zeros, 0)).toBe(Math.round(0.998 * total));
    for (const {
      kernels: [kernel],
      zeros,
    } of plan)
      expect(kernel!.count - zeros).toBeGreaterThanOrEqual(unitCount(kernel!));
  });

  it('global leaves each layer its floor, a tenth of the density unless said otherwise', () => {
    const all = [one(100, 10), { ...one(100, 10), key: 'b/kernel', layer: 'b' }];
    const scores = new Map(all.map(({ key, count }, at) => [key, Float32Array.from({ length: count }, (_, index) => at * 10_000 + index)]));
    const kept = (minDensity: number | null, sparsity = 0.5) =>
      all.map(
        ({ key, count }) => count - zerosOf(unstructuredMasks(all, scores, new Map(), { sparsity, scope: 'global', minDensity }).get(key)!),
      );
    expect(kept(0)).toEqual([10, 990]);
    expect(kept(null)).toEqual([50, 950]);
    expect(kept(0.3)).toEqual([300, 700]);
  });

  it('global goes below no floor where one layer at its floor takes the next to its own', () => {
    const all = ['a', 'b', 'c'].map((name) => ({ ...one(100, 10), key: `${name}/kernel`, layer: name }));
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.3, noNaN: true }),
        (seed, share, minDensity) => {
          const random = generator(seed, 'floors');
          // Up to what floors, and the best weights of ten units a layer, leave to be cut.
          const sparsity = 0.5 + share * (0.45 - Math.max(minDensity, 0.1));
          // Layers of scores of different heights, none of them twice.
          const heights = all.map(() => 1 + 3 * random.uniform());
          const scores = new Map(
            all.map(({ key, count }, at) => [key, Float32Array.from({ length: count }, () => heights[at]! * random.uniform())]),
          );
          const masks = unstructuredMasks(all, scores, new Map(), { sparsity, scope: 'global', minDensity });
          // Said the long way: what is protected does not compete.
          const pool = all.flatMap(({ key, count }) => {
            const own = [...scores.get(key)!];
            const least = Math.ceil(minDensity * count - 1e-9);
            const ranks = [...own.keys()].sort((a, b) => own[b]! - own[a]!);
            const safe = new Set(Array.from({ length: 10 }, (_, unit) => ranks.find((index) => index % 10 === unit)!));
            // The best of the units are among those that a layer has to keep.
            for (const index of ranks) if (safe.size < least) safe.add(index);
            return own.map((score, index) => ({ key, index, score, safe: safe.has(index) }));
          });
          const gone = pool
            .filter(({ safe }) => !safe)
            .sort((a, b) => a.score - b.score)
            .slice(0, Math.round(sparsity * pool.length));
          const expected = new Map(all.map(({ key, count }) => [key, new Uint8Array(count).fill(1)]));
          for (const { key, index } of gone) expected.get(key)![index] = 0;
          expect(masks).toEqual(expected);
        },
      ),
    );
  });

  it('depthwise kernels stay out of a global comparison unless they are named', () => {
    const asked = (changes: object) =>
      kernelsToCut(graph, {
        criterion: { type: 'magnitude', p: 2 },
        structure: { type: 'unstructured' },
        scope: 'auto',
        layers: { exclude: [], overrides: {} },
        ...changes,
      }).kernels.map(({ layer }) => layer);
    expect(asked({})).not.toContain('w');
    expect(asked({ scope: 'layer' })).toContain('w');
    expect(asked({ layers: { exclude: [], overrides: { w: { sparsity: 0.5 } } } })).toContain('w');
  });

  it('within each unit every unit gives alike', () => {
    const kernel = one(10, 3);
    const scores = Float32Array.from({ length: 30 }, (_, at) => (at % 3) * 100 + Math.floor(at / 3));
    const mask = unitwiseMasks([kernel], new Map([[kernel.key, scores]]), new Map(), { sparsity: 0.6, scope: 'layer' }).get(kernel.key)!;
    expect(matrixOf(kernel, mask).map((row) => row.join(''))).toEqual([...Array(6).fill('000'), ...Array(4).fill('111')]);
  });
});

/** A positive definite matrix of some rows' products, row-major. */
function gramOf(size: number, rows: number, seed: number): number[][] {
  const random = generator(seed, 'gram');
  const x = Array.from({ length: rows }, () => Array.from({ length: size }, () => random.normal()));
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => x.reduce((sum, each) => sum + each[row]! * each[column]!, row === column ? 0.1 : 0)),
  );
}

/** The lower Cholesky factor. */
function lowerOf(a: readonly number[][]): number[][] {
  const lower = a.map((row) => row.map(() => 0));
  for (const [row, values] of a.entries()) {
    for (let column = 0; column <= row; column++) {
      let sum = values[column]!;
      for (let k = 0; k < column; k++) sum -= lower[row]![k]! * lower[column]![k]!;
      lower[row]![column] = row === column ? Math.sqrt(sum) : sum / lower[column]![column]!;
    }
  }
  return lower;
}

describe('SparseGPT', () => {
  const [inputs, units] = [6, 4];
  const inverse = gramOf(inputs, 9, 3);
  const statistic = { groups: 1, factor: Float32Array.from(lowerOf(inverse).flat()), dead: new Uint8Array(inputs) };
  const weights = Float32Array.from({ length: inputs * units }, (_, at) => Math.sin(3 * at + 1));
  const kernel = one(inputs, units);
  const solve = (structure: Parameters<SolvedWeights['solve']>[2]['structure'], zeros: number, present: Uint8Array | null = null) =>
    (criterion({ type: 'sparsegpt', calibration_batches: 1, calibration_batch_size: 1 }).weights as SolvedWeights<'inverse_hessian'>).solve(
      { shape: kernel.shape, data: weights },
      present,
      { structure, sparsity: zeros / 24, zeros },
      statistic,
      kernel,
    );

  /** Optimal Brain Surgeon input by input: w -= w_j/[H⁻¹]_jj · H⁻¹_j, then H⁻¹ without input j, by elimination. `choose` gets the columns' diagonals first. */
  function surgeon(goes: (input: number, unit: number, rows: readonly number[][]) => boolean): { mask: number[]; weight: number[] } {
    const rows = Array.from({ length: units }, (_, unit) => Array.from({ length: inputs }, (_, input) => weights[input * units + unit]!));
    let h = inverse.map((row) => [...row]);
    const mask = Array(inputs * units).fill(1);
    for (let j = 0; j < inputs; j++) {
      const gone = rows.map((_, unit) => goes(j, unit, rows));
      for (const [unit, row] of rows.entries()) {
        if (!gone[unit]) continue;
        mask[j * units + unit] = 0;
        const error = row[j]! / h[j]![j]!;
        for (let k = j; k < inputs; k++) row[k]! -= error * h[j]![k]!;
        row[j] = 0;
      }
      const pivot = h[j]!;
      h = h.map((row) => row.map((value, k) => value - (row[j]! * pivot[k]!) / pivot[j]!));
    }
    return { mask, weight: Array.from({ length: inputs * units }, (_, at) => rows[at % units]![Math.floor(at / units)]!) };
  }
  /** [H⁻¹]_jj once the inputs before j are gone. */
  const diagonals = lowerOf(inverse).map((row, at) => row[at]! ** 2);

  it('takes the lowest w²/U_jj² and spreads each error as Optimal Brain Surgeon does', () => {
    const ranking = [...weights.keys()].sort(
      (a, b) => weights[a]! ** 2 / diagonals[Math.floor(a / units)]! - weights[b]! ** 2 / diagonals[Math.floor(b / units)]!,
    );
    const gone = new Set(ranking.slice(0, 12));
    const expected = surgeon((input, unit) => gone.has(input * units + unit));
    const { mask, weight } = solve({ type: 'unstructured' }, 12);
    expect([...mask]).toEqual(expected.mask);
    expectClose(weight, expected.weight, { relative: 1e-5 });
  });

  it('chooses n of m by the weights as the errors before have left them', () => {
    const expected = surgeon((input, unit, rows) => {
      const from = input - (input % 3);
      const scores = [0, 1, 2].map((at) => rows[unit]![from + at]! ** 2 / diagonals[from + at]!);
      // Within a group the scores are those at its beginning: remember them.
      if (input === from)
        kept.set(
          unit,
          [0, 1, 2]
            .sort((a, b) => scores[b]! - scores[a]!)
            .slice(0, 1)
            .map((at) => from + at),
        );
      return !kept.get(unit)!.includes(input);
    });
    const { mask, weight } = solve({ type: 'n_m', n: 1, m: 3 }, 16);
    expect([...mask]).toEqual(expected.mask);
    expectClose(weight, expected.weight, { relative: 1e-5 });
  });
  const kept = new Map<number, number[]>();

  it('cuts whole blocks, and keeps what is masked at zero', () => {
    const { mask } = solve({ type: 'block', rows: 2, cols: 2 }, 12);
    expect(zerosOf(mask)).toBe(12);
    for (let at = 0; at < 24; at++) {
      const [input, unit] = [Math.floor(at / units), at % units];
      expect(mask[at]).toBe(mask[(input - (input % 2)) * units + unit - (unit % 2)]);
    }
    const present = Uint8Array.from({ length: 24 }, (_, at) => (at % 5 === 0 ? 0 : 1));
    const again = solve({ type: 'unstructured' }, 12, present);
    expect(zerosOf(again.mask)).toBe(12);
    for (const [at, lives] of present.entries()) if (!lives) expect([again.mask[at], again.weight[at]]).toEqual([0, 0]);
  });
});

describe('WoodFisher', () => {
  const size = 4;
  const inverse = gramOf(size, 7, 5);
  const statistic = { size, inverse: Float32Array.from([...inverse.flat(), ...gramOf(size, 7, 6).flat()]) };
  const data = Float32Array.of(0.5, -1, 2, 0.1, 3, -0.2);
  const weight = { shape: [6], data };
  const rule = woodfisher.weights as import('../../src/pruning/criteria/index.ts').ScoredWeights<'inverse_fisher'>;

  it('scores w²/(2[F⁻¹]_jj)', () => {
    const diagonal = [0, 1, 2, 3, 0, 1].map((own, at) => statistic.inverse[Math.floor(at / 4) * 16 + own * 5]!);
    expectClose(
      rule.scores(weight, statistic, one(6, 1), generator(1)),
      [...data].map((value, at) => value ** 2 / (2 * diagonal[at]!)),
      { relative: 1e-6 },
    );
  });

  it('moves the others to where the quadratic loss is lowest with the pruned at zero', () => {
    const mask = Uint8Array.of(0, 1, 0, 1, 1, 1);
    const moved = rule.compensated!(weight, mask, statistic);
    expect([moved[0], moved[2], moved[4], moved[5]]).toEqual([0, 0, 3, data[5]]);
    // F·δ has no part along what may move: δ = F⁻¹·v with v on the pruned alone. Solve the two unknowns of v by Cramer's rule.
    const delta = [...moved.slice(0, 4)].map((value, at) => value - data[at]!);
    const determinant = inverse[0]![0]! * inverse[2]![2]! - inverse[0]![2]! * inverse[2]![0]!;
    const v = [
      (delta[0]! * inverse[2]![2]! - delta[2]! * inverse[0]![2]!) / determinant,
      (delta[2]! * inverse[0]![0]! - delta[0]! * inverse[2]![0]!) / determinant,
    ];
    expectClose(
      delta,
      [0, 1, 2, 3].map((row) => inverse[row]![0]! * v[0]! + inverse[row]![2]! * v[1]!),
      { relative: 1e-5 },
    );
  });
});

describe('ThiNet', () => {
  const gram = Float64Array.from(gramOf(5, 4, 8).flat());
  const loss = (gone: readonly number[]) => gone.reduce((sum, a) => sum + gone.reduce((all, b) => all + gram[a * 5 + b]!, 0), 0);

  it('takes unit by unit the one by which the readers lose least, and scores by what is lost', () => {
    const losses = greedyLosses([{ key: 'k', gram }], 5);
    const order = [0, 1, 2, 3, 4].sort((a, b) => losses[a]! - losses[b]!);
    const gone: number[] = [];
    for (const unit of order) {
      const left = [0, 1, 2, 3, 4].filter((other) => !gone.includes(other));
      expect(loss([...gone, unit])).toBeCloseTo(Math.min(...left.map((other) => loss([...gone, other]))), 9);
      gone.push(unit);
    }
    expect(losses[order[0]!]).toBeCloseTo(loss(order.slice(0, 1)) / loss([0, 1, 2, 3, 4]), 9);
  });

  it('rescales what is kept so that no other factors leave less', () => {
    const kept = Uint8Array.of(1, 0, 1, 1, 0);
    const factors = rescaling({ key: 'k', gram }, kept);
    const left = (a: ArrayLike<number>) => loss5(Array.from({ length: 5 }, (_, unit) => 1 - a[unit]!));
    const loss5 = (c: readonly number[]) =>
      c.reduce((sum, a, row) => sum + c.reduce((all, b, column) => all + a * b * gram[row * 5 + column]!, 0), 0);
    expect([factors[1], factors[4]]).toEqual([0, 0]);
    expect(left(factors)).toBeLessThan(left([1, 0, 1, 1, 0]));
    for (const unit of [0, 2, 3])
      for (const step of [-1e-3, 1e-3]) expect(left(factors.with(unit, factors[unit]! + step))).toBeGreaterThan(left(factors));
  });
});
