/** Splits that the caller named sample by sample, or that keep groups of samples together. */
import { generator } from '../random.ts';
import { invalid } from './complaints.ts';
import type { SplitName, Splits } from './facts.ts';
import type { SplitOptions } from './options.ts';
import { type Division, drawn, splitSamples } from './splits.ts';

/** By number, as `assigned` arrays hold them. */
export const SPLIT_NAMES: readonly SplitName[] = ['train', 'selection', 'test'];

/**
 * The division that `assigned` (`[samples]`, the number of each sample's split) says; a split that it does not name is drawn from train as
 * `splitSamples` does it. Throws DATASET_INVALID.
 */
export function namedSplits(assigned: Uint8Array, classOf: Uint16Array | null, options: SplitOptions): Division {
  const [train, selection, test] = SPLIT_NAMES.map((_, split) => numbersOf(assigned, split)) as [Uint32Array, Uint32Array, Uint32Array];
  const inTurn = new Uint32Array(assigned.length);
  inTurn.set(train);
  inTurn.set(selection, train.length);
  inTurn.set(test, train.length + selection.length);
  const given = { train: train.length, selection: selection.length || null, test: test.length || null };
  const classInTurn = classOf === null ? null : Uint16Array.from(inTurn, (sample) => classOf[sample]!);
  const { order, ...division } = splitSamples(given, classInTurn, options);
  return { order: order.map((place) => inTurn[place]!), ...division };
}

/**
 * Divides samples so that those of one group (`groupOf`, `[samples]`, numbers from 0) stay together. Groups in a drawn order go to test where that brings it
 * nearer to the size that was asked for, else to selection on the same terms, else to train: the sizes are met as well as the groups allow.
 * Throws DATASET_INVALID where an option contradicts groups, or a split would be left empty.
 */
export function groupedSplits(groupOf: Uint32Array, options: SplitOptions): Division {
  const refuse = (detail: string) => invalid('#part:group_column', detail, { received: options });
  if (options.stratify === true)
    throw refuse('group_column keeps groups together, and split.stratify draws from each class; leave one out');
  if (options.shuffle === false) throw refuse('group_column draws groups by chance, and split.shuffle is false; leave one out');
  const given = { train: groupOf.length, selection: null, test: null };
  const wanted = { test: drawn('test', given, options), selection: drawn('selection', given, options) };
  const sizes = new Uint32Array(groupOf.reduce((most, group) => Math.max(most, group), 0) + 1);
  for (const group of groupOf) sizes[group]! += 1;

  const splitOf = new Uint8Array(sizes.length);
  const counts: Splits = { train: 0, selection: 0, test: 0 };
  for (const group of generator(options.seed ?? 0, 'group splits').permutation(sizes.length)) {
    const size = sizes[group]!;
    const nearer = (name: 'test' | 'selection') => Math.abs(counts[name] + size - wanted[name]) < Math.abs(counts[name] - wanted[name]);
    const name = nearer('test') ? 'test' : nearer('selection') ? 'selection' : 'train';
    splitOf[group] = SPLIT_NAMES.indexOf(name);
    counts[name] += size;
  }
  const without = (name: 'selection' | 'test') => wanted[name] === 0;
  const empty = SPLIT_NAMES.find((name) => counts[name] === 0 && (name === 'train' || !without(name)));
  if (empty !== undefined) {
    throw refuse(
      `${sizes.length} groups of ${Math.min(...sizes.subarray(0, 1e5))} samples and more cannot be divided so that ${wanted.selection} samples are near for selection and ` +
        `${wanted.test} for test: ${empty} would be empty. Ask for other sizes, or leave group_column out`,
    );
  }
  const { order, splits } = namedSplits(
    Uint8Array.from(groupOf, (group) => splitOf[group]!),
    null,
    { ...(without('selection') ? { selection: 0 } : {}), ...(without('test') ? { test: 0 } : {}) },
  );
  return { order, splits, testGiven: false };
}

function numbersOf(assigned: Uint8Array, split: number): Uint32Array {
  let count = 0;
  for (const one of assigned) if (one === split) count += 1;
  const numbers = new Uint32Array(count);
  let at = 0;
  for (let sample = 0; sample < assigned.length; sample += 1) if (assigned[sample] === split) numbers[at++] = sample;
  return numbers;
}
