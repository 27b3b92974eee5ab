/** What the steps of a training draw their samples from: the data set's training split, with copies that were changed beforehand and what a teacher says of each. */
import type { BatchOptions, BatchSource, StoredBatch } from '../../dataset/batch-source.ts';
import type { Dataset, HeldArrays } from '../../dataset/batches.ts';
import { epochRows } from '../../dataset/epoch-rows.ts';
import type { StoredValues } from '../../dataset/stored-values.ts';
import { generator } from '../../random.ts';
import type { Lessons } from './lessons.ts';

/** The samples of a step, with what the teacher says of them, [count, ...outputs]; null where the step asks it. */
export interface TaughtBatch extends StoredBatch {
  lesson: Float32Array<ArrayBuffer> | null;
}

/** All samples, those of a data set first, with what the teacher says of each that is trained on, [samples, ...outputs]; null where steps ask it. */
export interface TaughtArrays extends HeldArrays {
  lesson: Float32Array<ArrayBuffer> | null;
}

export interface TrainingPool {
  /** Null where the data set is not held in memory. */
  held: TaughtArrays | null;
  /** Of one sample; null where steps ask the teacher. */
  lessonShape: readonly number[] | null;
  /** Batches of `TaughtBatch`; its rows are those of `held`. Close it before the data set. */
  batches(options: BatchOptions): TaughtSource;
}

export interface TaughtSource extends BatchSource {
  batch(step: number): TaughtBatch;
}

/** The data set alone. */
export function plainPool(data: Dataset): TrainingPool {
  return {
    held: data.held && { ...data.held, lesson: null },
    lessonShape: null,
    batches: (options) => {
      const source = data.batches(options);
      return { ...source, batch: (step) => ({ ...source.batch(step), lesson: null }) };
    },
  };
}

/**
 * Batches of these arrays, which begin with the data set's own samples: of the training split, or of `copies` of each of its samples behind them, of which an
 * epoch takes one, drawn by the seed.
 */
export function pooled(data: Dataset, held: HeldArrays, copies: number | null, lessons: Lessons | null): TrainingPool {
  const { samples } = data.split('train');
  const all = data.facts.samples;
  const taught = { ...held, lesson: lessons?.values ?? null };
  const count = all + (copies ?? 0) * samples.length;
  const widthOf = (values: StoredValues | null): number => (values ? values.length / count : 0);
  const width = { x: widthOf(held.x), y: widthOf(held.y), lesson: widthOf(taught.lesson) };
  return {
    held: taught,
    lessonShape: lessons?.shape ?? null,
    batches(options) {
      const { stepsPerEpoch, rows: rowsAt } = epochRows(options, samples.length, (positions, epoch) => {
        const chance = generator(options.seed, 'copies', epoch);
        const rowOf = (position: number): number =>
          copies === null ? samples[position]! : all + chance.int(copies) * samples.length + position;
        return positions.map(rowOf);
      });
      return {
        streamed: false,
        stepsPerEpoch,
        rows: (step) => Int32Array.from(rowsAt(step)),
        batch(step) {
          const rows = rowsAt(step);
          const y = held.y && gathered(held.y, rows, width.y);
          return {
            count: rows.length,
            x: gathered(held.x, rows, width.x),
            y: y instanceof Uint8Array ? Int32Array.from(y) : y,
            w: held.w && gathered(held.w, rows, 1),
            lesson: taught.lesson && gathered(taught.lesson, rows, width.lesson),
          };
        },
        close: () => {},
      };
    },
  };
}

/** The values of these rows. */
export function gathered<Values extends StoredValues>(values: Values, rows: Uint32Array, width: number): Values {
  const taken = likeOf(values, rows.length * width);
  for (let at = 0; at < rows.length; at++) taken.set(values.subarray(rows[at]! * width, (rows[at]! + 1) * width), at * width);
  return taken;
}

/**
 * A data set's arrays with copies of its training samples behind them: the values of `changed`, [copies, samples, ...] in the order of the split, and labels and
 * weights as they are.
 */
export function withCopies(data: Dataset, changed: StoredValues, copies: number): HeldArrays {
  const { x, y, w } = data.held!;
  const { samples } = data.split('train');
  const repeated = <Values extends StoredValues>(values: Values): Values => {
    const own = gathered(values, samples, values.length / data.facts.samples);
    return joined(
      values,
      Array.from({ length: copies }, () => own),
    );
  };
  return { x: joined(x, [changed]), y: y && repeated(y), w: w && repeated(w) };
}

function joined<Values extends StoredValues>(first: Values, more: readonly StoredValues[]): Values {
  const whole = likeOf(
    first,
    more.reduce((sum, { length }) => sum + length, first.length),
  );
  whole.set(first);
  let at = first.length;
  for (const values of more) {
    whole.set(values, at);
    at += values.length;
  }
  return whole;
}

function likeOf<Values extends StoredValues>(values: Values, length: number): Values {
  return new (values.constructor as new (length: number) => Values)(length);
}
