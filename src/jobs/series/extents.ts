/** What downsampling keeps of the values of one column, for each of many groups of rows. */
const FIELDS = 9;

/**
 * For each group: the first and the last value, the smallest and the largest, each with its step, and how many values were not finite. First and last are
 * by step; of equal values the one at the smaller step counts. Values that are not finite are counted and otherwise left out. All in one block of memory,
 * [9, groups] float64: first, its step, last, its step, smallest, its step, largest, its step, not finite; NaN where a group has no finite value.
 */
export class Extents {
  readonly data: Float64Array<ArrayBuffer>;
  private readonly groups: number;

  constructor(groups: number, data = new Float64Array(FIELDS * groups).fill(Number.NaN, 0, (FIELDS - 1) * groups)) {
    this.groups = groups;
    this.data = data;
  }

  add(group: number, step: number, value: number): void {
    if (Number.isFinite(value)) this.widen(group, step, value, step, value, step, value, step, value);
    else this.data[8 * this.groups + group]! += 1;
  }

  /** Adds all that a group of `others` holds. */
  merge(group: number, others: Extents, other: number): void {
    const { data, groups } = others;
    this.data[8 * this.groups + group]! += data[8 * groups + other]!;
    const at = (field: number) => data[field * groups + other]!;
    if (Number.isNaN(at(0))) return;
    this.widen(group, at(1), at(0), at(3), at(2), at(5), at(4), at(7), at(6));
  }

  /** A group as the API shows it. */
  show(group: number): Extent {
    const at = (field: number) => this.data[field * this.groups + group]!;
    const or = (field: number) => (Number.isNaN(at(field)) ? null : at(field));
    return {
      first: or(0),
      first_step: or(1),
      last: or(2),
      last_step: or(3),
      min: or(4),
      min_step: or(5),
      max: or(6),
      max_step: or(7),
      non_finite: at(8),
    };
  }

  private widen(
    group: number,
    firstStep: number,
    first: number,
    lastStep: number,
    last: number,
    minStep: number,
    min: number,
    maxStep: number,
    max: number,
  ): void {
    const { data, groups } = this;
    // Written so that NaN, which a group without values has, loses every comparison.
    if (!(data[groups + group]! <= firstStep)) this.put(0, group, first, firstStep);
    if (!(data[3 * groups + group]! > lastStep)) this.put(2, group, last, lastStep);
    const smallest = data[4 * groups + group]!;
    if (!(smallest < min || (smallest === min && data[5 * groups + group]! <= minStep))) this.put(4, group, min, minStep);
    const largest = data[6 * groups + group]!;
    if (!(largest > max || (largest === max && data[7 * groups + group]! <= maxStep))) this.put(6, group, max, maxStep);
  }

  private put(field: number, group: number, value: number, step: number): void {
    this.data[field * this.groups + group] = value;
    this.data[(field + 1) * this.groups + group] = step;
  }
}

/** The values that a group of rows has in one column; null where none is finite. */
export interface Extent {
  first: number | null;
  first_step: number | null;
  last: number | null;
  last_step: number | null;
  min: number | null;
  min_step: number | null;
  max: number | null;
  max_step: number | null;
  non_finite: number;
}
