/** What y means: classes, one-hot rows, or numbers to predict. */
import { type ArrayPair, type ArraySource, elementsIn } from './arrays.ts';
import { invalid } from './complaints.ts';
import type { DatasetFacts } from './facts.ts';
import { createFile } from './file-writer.ts';
import { MOST_CLASSES, MOST_LISTED } from './limits.ts';
import { EMPTY_RANGE, numberWriter, type Range, values, widened } from './storage.ts';

export interface Labels {
  facts: NonNullable<DatasetFacts['y']>;
  /** The class of each sample in upload order, `[samples]`; null where y is not classes. */
  classOf: Uint16Array | null;
}

/**
 * Stores y of all splits one after the other. One number a sample is a class where it comes as a whole number by type from 0 to 65,535, or as floats that
 * are whole and leave no gap from 0; rows of 0s with a single 1 are classes too and stay rows; everything else is numbers to predict, as float32, of which
 * those with axes say whether all are whole: a loss may take them for a class at each position.
 * Throws DATASET_INVALID where samples differ in shape or hold what is not a finite number, DATASET_UNREADABLE.
 */
export async function storeLabels(arrays: readonly [ArraySource, ...ArraySource[]], path: string): Promise<Labels> {
  const shape = labelShapeOf(arrays[0]);
  for (const array of arrays) {
    const other = labelShapeOf(array);
    if (JSON.stringify(other) === JSON.stringify(shape)) continue;
    throw invalid(
      array.pointer,
      `The samples of ${array.name} have shape ${JSON.stringify(other)}, those of ${arrays[0].name} ${JSON.stringify(shape)}; they must agree`,
      { received: array.shape },
    );
  }
  const seen = await survey(arrays, shape);
  const facts = describe(arrays, shape, seen);

  const samples = arrays.reduce((sum, array) => sum + array.shape[0]!, 0);
  const classOf = facts.classes === null ? null : new Uint16Array(samples);
  const width = elementsIn(shape);
  const file = createFile(path);
  const write = numberWriter(facts.dtype, file);
  let offset = 0;
  try {
    for (const array of arrays) {
      for await (const { numbers, first } of values(array)) {
        write(numbers);
        if (classOf === null) continue;
        for (let index = 0; index < numbers.length; index += 1) {
          const value = numbers[index]!;
          if (width === 1) classOf[offset + first + index] = value;
          else if (value === 1) classOf[offset + Math.floor((first + index) / width)] = (first + index) % width;
        }
      }
      offset += array.shape[0]!;
    }
  } finally {
    file.close();
  }
  return { facts, classOf };
}

/** The shape of one sample of y: `[]` for a single number, also where it was wrapped in axes of 1. */
function labelShapeOf(array: ArraySource): number[] {
  const shape = array.shape.slice(1);
  return shape.every((axis) => axis === 1) ? [] : shape;
}

interface Survey extends Range {
  /** Samples of each number from 0 to 65,535, or rows whose 1 is in each column. */
  counts: Uint32Array;
  /** Whether every number is whole and from 0 to 65,535. */
  classes: boolean;
  /** Whether every number is whole. */
  whole: boolean;
  /** Whether every row has a single 1 among 0s; false for anything but rows. */
  oneHot: boolean;
}

async function survey(arrays: readonly ArraySource[], shape: number[]): Promise<Survey> {
  const isRow = shape.length === 1 && shape[0]! <= MOST_CLASSES;
  const width = elementsIn(shape);
  const counts = new Uint32Array(isRow ? width : MOST_CLASSES);
  let range = EMPTY_RANGE;
  let classes = shape.length === 0;
  let oneHot = isRow;
  let whole = true;
  for (const array of arrays) {
    let ones = 0;
    for await (const { numbers, first } of values(array)) {
      range = widened(range, numbers);
      for (let index = 0; whole && index < numbers.length; index += 1) whole = Number.isInteger(numbers[index]!);
      for (let index = 0; classes && index < numbers.length; index += 1) {
        const value = numbers[index]!;
        if (Number.isInteger(value) && value >= 0 && value < MOST_CLASSES) counts[value]! += 1;
        else classes = false;
      }
      for (let index = 0; oneHot && index < numbers.length; index += 1) {
        const value = numbers[index]!;
        const column = (first + index) % width;
        if (value === 1) {
          ones += 1;
          counts[column]! += 1;
        } else if (value !== 0) oneHot = false;
        if (column === width - 1) {
          if (ones !== 1) oneHot = false;
          ones = 0;
        }
      }
    }
  }
  return { ...range, counts, classes, whole, oneHot };
}

function describe(arrays: readonly ArraySource[], shape: number[], seen: Survey): Labels['facts'] {
  const { min, max, counts } = seen;
  const whole = arrays.every(({ element }) => element.kind !== 'float');
  if (seen.oneHot) {
    return { dtype: whole ? 'uint8' : 'float32', shape, min, max, classes: counts.length, ...listed(counts) };
  }
  const classes = max + 1;
  if (seen.classes && (whole || counts.subarray(0, classes).every((count) => count > 0))) {
    return { dtype: classes <= 256 ? 'uint8' : 'int32', shape, min, max, classes, ...listed(counts.subarray(0, classes)) };
  }
  const numbers = { dtype: 'float32', shape, min: Math.fround(min), max: Math.fround(max), classes: null } as const;
  return shape.length === 0 ? numbers : { ...numbers, whole: seen.whole };
}

function listed(counts: Uint32Array): { counts?: number[] } {
  return counts.length <= MOST_LISTED ? { counts: [...counts] } : {};
}

/** The y of every pair, or null where no pair has one. Throws DATASET_INVALID where some have and some lack it, or an x and its y differ in length. */
export function checkLabelPairs(pairs: readonly ArrayPair[]): [ArraySource, ...ArraySource[]] | null {
  const ys: ArraySource[] = [];
  for (const { x, y } of pairs) {
    if (y === null) continue;
    ys.push(y);
    if (x.shape[0] === y.shape[0]) continue;
    throw invalid(y.pointer, `${x.name} has ${x.shape[0]} samples and ${y.name} has ${y.shape[0]}; each sample needs its y`, {
      received: y.shape,
    });
  }
  if (ys.length === 0) return null;
  const without = pairs.find(({ y }) => y === null);
  if (without === undefined) return ys as [ArraySource, ...ArraySource[]];
  throw invalid(without.x.pointer, `${without.x.name} comes without labels, but ${ys[0]!.name} is there; every x needs its y, or none`);
}
