import type { Histogram } from 'prom-client';

/** Values of one kind that are kept at most before they are counted. */
const MOST_KEPT = 1_024;

interface Kept {
  labels: Record<string, string | number>;
  values: Float64Array;
  count: number;
}

/**
 * A histogram of what happens tens of thousands of times a second: what it is told is kept, and counted in a row, which takes a sixth of what each takes on
 * its own. `count` is for before it is read.
 */
export class FrequentHistogram {
  readonly #histogram: Histogram;
  readonly #kept = new Map<string, Kept>();

  constructor(histogram: Histogram) {
    this.#histogram = histogram;
  }

  /** `key` stands for the labels. */
  observe(key: string, labels: Record<string, string | number>, value: number): void {
    let kept = this.#kept.get(key);
    if (!kept) {
      kept = { labels, values: new Float64Array(MOST_KEPT), count: 0 };
      this.#kept.set(key, kept);
    }
    kept.values[kept.count++] = value;
    if (kept.count === MOST_KEPT) this.#countOf(kept);
  }

  /** Counts what is kept. */
  count(): void {
    for (const kept of this.#kept.values()) this.#countOf(kept);
  }

  #countOf(kept: Kept): void {
    for (const value of kept.values.subarray(0, kept.count)) this.#histogram.observe(kept.labels, value);
    kept.count = 0;
  }
}
