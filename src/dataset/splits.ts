/** Which samples belong to which split. */
import { generator } from '../random.ts';
import { invalid } from './complaints.ts';
import type { Splits } from './facts.ts';
import type { SplitOptions } from './options.ts';

/** How many samples the caller gave for each split, in this order in the files; null where they have to come out of train. */
export interface GivenSamples {
  train: number;
  selection: number | null;
  test: number | null;
}

const DEFAULT_SHARE = 0.1;

/** Which samples each split has. */
export interface Division {
  /** The sample numbers of all of train, then selection, then test, `[samples]`. */
  order: Uint32Array<ArrayBuffer>;
  splits: Splits;
  /** Whether the test samples were named, or are all there are. */
  testGiven: boolean;
}

/**
 * What is drawn comes out of the given train samples, in proportion from each class unless `stratify` is false; given splits keep their order. `classOf` is
 * `[samples]`, null without classes. Throws DATASET_INVALID where an option contradicts what was given, or nothing would be left to train on though not all is
 * for the test split.
 */
export function splitSamples(given: GivenSamples, classOf: Uint16Array | null, options: SplitOptions): Division {
  const test = drawn('test', given, options);
  const selection = drawn('selection', given, options);
  const left = given.train - selection - test;
  // Data that models are only held against, which must be said: by a number, or by naming every sample.
  const testOnly = left === 0 && selection + (given.selection ?? 0) === 0 && (given.test !== null || (options.test ?? 0) >= 1);
  if (left <= 0 && !testOnly) {
    throw invalid(
      '#part:split',
      `${given.train} samples to draw from, ${selection} of them for selection and ${test} for test: none would be left to train on. ` +
        'Upload more samples, ask for smaller splits, give selection and test samples of their own, ' +
        'or ask for none of selection (0) and for all samples, by their number, of test',
      { received: options },
    );
  }
  const shuffle = options.shuffle ?? true;
  const draw = shuffle ? shuffledDraw : lastDraw;
  const parts = draw(given.train, { selection, test }, isStratified(options, classOf) ? classOf : null, options.seed ?? 0);

  const givenSelection = numbersFrom(given.train, given.selection ?? 0);
  const givenTest = numbersFrom(given.train + givenSelection.length, given.test ?? 0);
  const pieces = [parts.train, parts.selection, givenSelection, parts.test, givenTest];
  const order = new Uint32Array(given.train + givenSelection.length + givenTest.length);
  let position = 0;
  for (const piece of pieces) {
    order.set(piece, position);
    position += piece.length;
  }
  const splits = {
    train: parts.train.length,
    selection: selection + givenSelection.length,
    test: test + givenTest.length,
  };
  return { order, splits, testGiven: given.test !== null || testOnly };
}

/** Throws DATASET_INVALID where stratification is asked for and cannot be. */
function isStratified({ stratify, shuffle }: SplitOptions, classOf: Uint16Array | null): boolean {
  if (stratify !== true) return stratify ?? true;
  if (classOf !== null && shuffle !== false) return true;
  const reason = classOf === null ? 'y is not classes' : 'split.shuffle is false, which takes the last samples';
  throw invalid('#part:split', `split.stratify is true, but ${reason}; leave it out`, { received: stratify });
}

/** How many samples leave train for a split. */
export function drawn(name: 'selection' | 'test', given: GivenSamples, options: SplitOptions): number {
  const asked = options[name];
  if (given[name] !== null) {
    if (asked === undefined) return 0;
    throw invalid('#part:split', `split.${name} is ${asked}, but ${given[name]} ${name} samples were given; leave one of the two out`, {
      received: asked,
    });
  }
  const share = asked ?? DEFAULT_SHARE;
  if (share === 0) return 0;
  if (share < 1) return Math.max(1, Math.round(share * given.train));
  if (Number.isInteger(share)) return share;
  throw invalid('#part:split', `split.${name} is ${share}; it may be 0 for none, a fraction below 1 or a whole number of samples`, {
    received: asked,
  });
}

interface Parts {
  train: Uint32Array;
  selection: Uint32Array;
  test: Uint32Array;
}

function lastDraw(samples: number, { selection, test }: { selection: number; test: number }): Parts {
  const train = samples - selection - test;
  return { train: numbersFrom(0, train), selection: numbersFrom(train, selection), test: numbersFrom(train + selection, test) };
}

/** Walks a permutation and fills each class's places in test, then selection, then train. */
function shuffledDraw(
  samples: number,
  { selection, test }: { selection: number; test: number },
  classOf: Uint16Array | null,
  seed: number,
): Parts {
  const counts = countsOf(samples, classOf);
  const forTest = apportion(counts, test);
  const forSelection = apportion(
    counts.map((count, index) => count - forTest[index]!),
    selection,
  );
  const parts = {
    train: new Uint32Array(samples - selection - test),
    selection: new Uint32Array(selection),
    test: new Uint32Array(test),
  };
  const filled = { train: 0, selection: 0, test: 0 };
  const permutation = generator(seed, 'splits').permutation(samples);
  for (let position = 0; position < samples; position += 1) {
    const sample = permutation[position]!;
    const label = classOf?.[sample] ?? 0;
    let part: keyof Parts = 'train';
    if (forTest[label]! > 0) {
      forTest[label]! -= 1;
      part = 'test';
    } else if (forSelection[label]! > 0) {
      forSelection[label]! -= 1;
      part = 'selection';
    }
    parts[part][filled[part]] = sample;
    filled[part] += 1;
  }
  return parts;
}

function countsOf(samples: number, classOf: Uint16Array | null): number[] {
  if (classOf === null) return [samples];
  const counts: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const label = classOf[sample]!;
    while (counts.length <= label) counts.push(0);
    counts[label]! += 1;
  }
  return counts;
}

/**
 * `total` places, fewer than there are samples, shared out in proportion to the counts by largest remainder. A class's last sample is taken only where the
 * places cannot be filled otherwise.
 */
export function apportion(counts: readonly number[], total: number): number[] {
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const places = counts.map((count) => Math.floor((total * count) / samples));
  let left = total - places.reduce((sum, count) => sum + count, 0);
  const remainder = (index: number) => (total * counts[index]!) % samples;
  const byRemainder = counts.map((_, index) => index).sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const kept of [1, 0]) {
    for (const index of byRemainder) {
      if (left > 0 && places[index]! + kept < counts[index]!) {
        places[index]! += 1;
        left -= 1;
      }
    }
  }
  return places;
}

function numbersFrom(first: number, length: number): Uint32Array {
  const numbers = new Uint32Array(length);
  for (let index = 0; index < length; index += 1) numbers[index] = first + index;
  return numbers;
}
