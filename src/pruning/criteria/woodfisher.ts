import type { Criterion, InverseFisher } from './criterion.ts';

/**
 * w²/(2·[F⁻¹]_jj) with the block-diagonal empirical Fisher matrix F (Singh 2020, eq. 10). What goes is made up for within each block, by all of it
 * together: δ = -F⁻¹E·(EᵀF⁻¹E)⁻¹·w_Q over the set Q of pruned weights, which for one weight is the paper's eq. 9.
 */
export const woodfisher: Criterion = {
  weights: {
    needs: 'inverse_fisher',
    scores: (weight, { size, inverse }) =>
      weight.data.map((value, index) => {
        const [block, own] = [Math.floor(index / size), index % size];
        return (value * value) / (2 * inverse[(block * size + own) * size + own]!);
      }),
    compensated: ({ data }, mask, fisher) => {
      const updated = data.slice();
      for (let from = 0; from < data.length; from += fisher.size) compensateBlock(updated, mask, fisher, from);
      return updated;
    },
  },
  units: null,
};

/** Subtracts F⁻¹·x with (F⁻¹)_QQ·x_Q = w_Q from the block that begins at `from`. */
function compensateBlock(weights: Float32Array, mask: Uint8Array, { size, inverse }: InverseFisher, from: number): void {
  const length = Math.min(size, weights.length - from);
  const base = from * size;
  const gone = Array.from({ length }, (_, index) => index).filter((index) => !mask[from + index]);
  if (gone.length === 0) return;
  const x = solved(gone, weights, inverse, from, base, size);
  for (let index = 0; index < length; index++) {
    if (!mask[from + index]) {
      weights[from + index] = 0;
      continue;
    }
    let change = 0;
    for (const [at, column] of gone.entries()) change += inverse[base + index * size + column]! * x[at]!;
    weights[from + index]! -= change;
  }
}

/** x of (F⁻¹)_QQ·x = w_Q by Cholesky's factors in float64; directions that rounding has flattened are left out. */
function solved(
  gone: readonly number[],
  weights: Float32Array,
  inverse: Float32Array,
  from: number,
  base: number,
  size: number,
): Float64Array {
  const count = gone.length;
  const lower = new Float64Array(count * count);
  const x = Float64Array.from(gone, (index) => weights[from + index]!);
  for (let row = 0; row < count; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = inverse[base + gone[row]! * size + gone[column]!]!;
      for (let k = 0; k < column; k++) sum -= lower[row * count + k]! * lower[column * count + k]!;
      const pivot = lower[column * count + column]!;
      if (column < row) lower[row * count + column] = pivot === 0 ? 0 : sum / pivot;
      else lower[row * count + row] = sum > 1e-7 * inverse[base + gone[row]! * size + gone[row]!]! ? Math.sqrt(sum) : 0;
    }
  }
  const divided = (value: number, row: number): number => {
    const pivot = lower[row * count + row]!;
    return pivot === 0 ? 0 : value / pivot;
  };
  for (let row = 0; row < count; row++) {
    let value = x[row]!;
    for (let k = 0; k < row; k++) value -= lower[row * count + k]! * x[k]!;
    x[row] = divided(value, row);
  }
  for (let row = count - 1; row >= 0; row--) {
    let value = x[row]!;
    for (let k = row + 1; k < count; k++) value -= lower[k * count + row]! * x[k]!;
    x[row] = divided(value, row);
  }
  return x;
}
