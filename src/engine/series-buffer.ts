import type { SeriesChunk } from '../worker/frames.ts';

/** The most rows that wait in a buffer, and the most values: a wide series has fewer rows. */
const MOST_ROWS = 1_024;
const MOST_VALUES = 65_536;

/**
 * Rows of one series on their way, all with the same columns, written straight into typed memory: a row costs one store a value and no object.
 * Everything is float64, which holds the float32 measurements of TensorFlow, learning rates and step numbers alike without loss; the bytes that
 * float32 does not fill are zero and vanish when the rows are compressed.
 */
export class SeriesBuffer {
  readonly series: SeriesChunk['series'];
  readonly columns: readonly string[];
  private readonly capacity: number;
  /** [2 + columns, capacity]: row numbers, steps, then the values, NaN where there is none. */
  private readonly data: Float64Array<ArrayBuffer>;
  private rows = 0;
  /** The index of the row that was added last, also when it is sent already; -1 before the first. */
  private newest = -1;

  constructor(series: SeriesChunk['series'], columns: readonly string[]) {
    if (new Set(columns).size !== columns.length)
      throw new Error(`The series ${series} names a column twice. Received: ${columns.join(', ')}`);
    this.series = series;
    this.columns = columns;
    this.capacity = Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_VALUES / (columns.length + 2))));
    this.data = new Float64Array((columns.length + 2) * this.capacity);
  }

  get full(): boolean {
    return this.rows === this.capacity;
  }

  /** Adds a row whose values `set` then fills in; it must not be full. `row` is the row's number within the attempt. */
  begin(row: number, step: number): void {
    this.newest = this.rows++;
    this.data[this.newest] = row;
    this.data[this.capacity + this.newest] = step;
  }

  /** A value of the row that was begun last, by the index of its column; null where it was not measured. */
  set(column: number, value: number | null): void {
    this.data[(column + 2) * this.capacity + this.newest] = value ?? Number.NaN;
  }

  /** The values of the newest row by name, null where one is not finite; empty before the first row. */
  newestValues(): Record<string, number | null> {
    if (this.newest < 0) return {};
    return Object.fromEntries(
      this.columns.map((name, column) => {
        const value = this.data[(column + 2) * this.capacity + this.newest]!;
        return [name, Number.isFinite(value) ? value : null];
      }),
    );
  }

  /** The rows that wait, which are then no longer the buffer's; null when there are none. */
  take(): SeriesChunk | null {
    const { series, columns, rows, capacity } = this;
    if (rows === 0) return null;
    const data = new Float64Array((columns.length + 2) * rows);
    for (let column = 0; column < columns.length + 2; column++) {
      data.set(this.data.subarray(column * capacity, column * capacity + rows), column * rows);
    }
    this.rows = 0;
    return { series, columns: [...columns], rows, data };
  }
}
