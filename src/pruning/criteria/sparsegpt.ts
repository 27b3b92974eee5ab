import type { WeightStructure } from '../../jobs/spec/index.ts';
import { asMatrix, fromMatrix, inputCount, matrixOrder, unitCount } from '../kernels.ts';
import { patternAt } from '../structures/n-m.ts';
import type { Criterion } from './criterion.ts';

/** Inputs whose masks are chosen together, as in the paper. */
const COLUMNS = 128;

/**
 * SparseGPT (Frantar 2023, algorithm 1). Per kernel with H = (2/n)·XᵀX + 0.01·mean(diag)·I and U the upper Cholesky factor of H⁻¹ = Uᵀ·U: within each
 * block of 128 inputs the weights of lowest w²/U_jj² go; input by input the error (w - q)/U_jj is spread over the inputs behind by U's row. Weights of
 * inputs that were always zero become zero.
 */
export const sparsegpt: Criterion = {
  weights: {
    needs: 'inverse_hessian',
    solve: (weight, present, { structure, sparsity, zeros }, { groups, factor, dead }, kernel) => {
      const [inputs, units, order] = [inputCount(kernel), unitCount(kernel), matrixOrder(kernel)];
      const matrix = Float64Array.from(asMatrix(weight.data, order));
      const masks = new Uint8Array(weight.data.length).fill(1);
      if (present) for (let at = 0; at < order.length; at++) masks[at] = present[order[at]!]!;
      const worths = new Float32Array(weight.data.length);
      const share = units / groups;
      let made = 0;
      for (let group = 0; group < groups; group++) {
        const problem: Problem = {
          inputs,
          units,
          from: group * share,
          to: (group + 1) * share,
          matrix,
          masks,
          worths,
          factor: factor.subarray(group * inputs * inputs, (group + 1) * inputs * inputs),
        };
        for (let input = 0; input < inputs; input++) {
          if (!dead[group * inputs + input]) continue;
          for (let unit = problem.from; unit < problem.to; unit++) matrix[input * units + unit] = 0;
        }
        made += solveGroup(problem, structure, sparsity, (done) => Math.round((zeros * (group + done)) / groups) - made);
      }
      return { mask: fromMatrix(masks, order), weight: fromMatrix(Float32Array.from(matrix), order), scores: fromMatrix(worths, order) };
    },
  },
  units: null,
  readsInputs: 'products',
};

/** The output units `from` to `to` of a matrix [inputs, units], which share the factor L [inputs, inputs]; U_jk is L_kj. */
interface Problem {
  inputs: number;
  units: number;
  from: number;
  to: number;
  /** Weights, updated in place. */
  matrix: Float64Array;
  /** 0 where a weight goes, updated in place. */
  masks: Uint8Array;
  /** What weights were compared by, set where that is. */
  worths: Float32Array;
  factor: Float32Array;
}

/** Solves one group; `due(fraction)` is how many zeros more there shall be once that fraction of its inputs is done. Returns the zeros made. */
function solveGroup(problem: Problem, structure: WeightStructure, sparsity: number, due: (fraction: number) => number): number {
  const { inputs, units, from, to, matrix, masks, factor } = problem;
  const pattern = structure.type === 'n_m' ? patternAt(1 - sparsity, structure) : null;
  // Neither a block nor a pattern is cut in two.
  const rows = structure.type === 'block' ? structure.rows : (pattern?.m ?? 1);
  const width = Math.max(rows, COLUMNS - (COLUMNS % rows));
  let made = 0;
  for (let first = 0; first < inputs; first += width) {
    const last = Math.min(inputs, first + width);
    if (!pattern) {
      const wanted = due(last / inputs) - made;
      if (structure.type === 'block') chooseBlocks(problem, first, last, wanted, structure);
      else chooseWeights(problem, first, last, wanted);
    }
    const errors = new Float64Array((last - first) * (to - from));
    for (let input = first; input < last; input++) {
      if (pattern && input % pattern.m === 0) choosePattern(problem, input, Math.min(inputs, input + pattern.m), pattern.n);
      const diagonal = factor[input * inputs + input]!;
      for (let unit = from; unit < to; unit++) {
        const at = input * units + unit;
        if (masks[at]) continue;
        made++;
        const error = matrix[at]! / diagonal;
        matrix[at] = 0;
        if (error === 0) continue;
        errors[(input - first) * (to - from) + unit - from] = error;
        for (let later = input + 1; later < last; later++) matrix[later * units + unit]! -= error * factor[later * inputs + input]!;
      }
    }
    for (let later = last; later < inputs; later++) {
      for (let input = first; input < last; input++) {
        const spread = factor[later * inputs + input]!;
        if (spread === 0) continue;
        const row = (input - first) * (to - from) - from;
        for (let unit = from; unit < to; unit++) matrix[later * units + unit]! -= errors[row + unit]! * spread;
      }
    }
  }
  return made;
}

/** w²/U_jj² of one weight. */
function worth({ matrix, factor, inputs, units, worths }: Problem, input: number, unit: number): number {
  const score = (matrix[input * units + unit]! / factor[input * inputs + input]!) ** 2;
  worths[input * units + unit] = score;
  return score;
}

/** Masks the lowest until `wanted` of the inputs `first` to `last` are masked; where these are the last, every unit keeps a weight. */
function chooseWeights(problem: Problem, first: number, last: number, wanted: number): void {
  const { inputs, units, from, to, masks } = problem;
  let masked = 0;
  const live: { at: number; score: number }[] = [];
  for (let unit = from; unit < to; unit++) {
    const own: { at: number; score: number }[] = [];
    for (let input = first; input < last; input++) {
      const at = input * units + unit;
      if (masks[at]) own.push({ at, score: worth(problem, input, unit) });
      else masked++;
    }
    if (last === inputs && own.length > 0 && isEmpty(problem, first, unit)) {
      own.splice(own.indexOf(own.reduce((best, each) => (each.score > best.score ? each : best))), 1);
    }
    for (const each of own) live.push(each);
  }
  live.sort((a, b) => a.score - b.score || a.at - b.at);
  for (const { at } of live.slice(0, Math.max(0, wanted - masked))) masks[at] = 0;
}

/** Whether a unit has no weight left before input `before`. */
function isEmpty({ masks, units }: Problem, before: number, unit: number): boolean {
  for (let input = 0; input < before; input++) if (masks[input * units + unit]) return false;
  return true;
}

/** Masks whole blocks of the inputs `first` to `last`, the lowest mean first. */
function chooseBlocks(problem: Problem, first: number, last: number, wanted: number, { rows, cols }: { rows: number; cols: number }): void {
  const { inputs, units, from, to, masks } = problem;
  let masked = 0;
  const blocks: { places: number[]; live: number; score: number }[] = [];
  for (let firstUnit = from; firstUnit < to; firstUnit += cols) {
    const strip: typeof blocks = [];
    for (let firstInput = first; firstInput < last; firstInput += rows) {
      const block = { places: [] as number[], live: 0, score: 0 };
      for (let input = firstInput; input < Math.min(last, firstInput + rows); input++) {
        for (let unit = firstUnit; unit < Math.min(to, firstUnit + cols); unit++) {
          const at = input * units + unit;
          block.places.push(at);
          if (!masks[at]) masked++;
          else {
            block.live++;
            block.score += worth(problem, input, unit);
          }
        }
      }
      block.score /= block.places.length;
      if (block.live > 0) strip.push(block);
    }
    if (last === inputs && strip.length > 0 && isEmpty(problem, first, firstUnit)) {
      strip.splice(strip.indexOf(strip.reduce((best, each) => (each.score > best.score ? each : best))), 1);
    }
    blocks.push(...strip);
  }
  blocks.sort((a, b) => a.score - b.score);
  for (const { places, live } of blocks) {
    if (masked >= wanted) return;
    for (const at of places) masks[at] = 0;
    masked += live;
  }
}

/** Of the inputs `first` to `last` every unit keeps its best n. */
function choosePattern(problem: Problem, first: number, last: number, n: number): void {
  const { units, from, to, masks } = problem;
  for (let unit = from; unit < to; unit++) {
    const live: { at: number; score: number }[] = [];
    for (let input = first; input < last; input++) {
      const at = input * units + unit;
      if (masks[at]) live.push({ at, score: worth(problem, input, unit) });
    }
    for (const { at } of live.sort((a, b) => b.score - a.score).slice(n)) masks[at] = 0;
  }
}
