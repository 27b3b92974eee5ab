/** What a model's outputs are to be read as, which says what can be measured on them. */
import type { LossName } from '../../jobs/spec/index.ts';

/** Outputs and targets as they are stored: logits where the loss takes them. */
export type Numbers = Float32Array | Int32Array;

export interface Task {
  loss: LossName;
  /** How a decision is read off: the largest of the last axis (classes), each output by itself (labels), or not at all. */
  decisions: 'classes' | 'labels' | null;
  /** Whether output - target is an error that means something. */
  numbers: boolean;
  /** Whether outputs are what enters the final softmax or sigmoid, rather than what comes out. */
  logits: boolean;
  /** Length of the output's last axis; 1 where it is free, so that all outputs are of one kind. */
  width: number;
  /** How many there are where targets are classes; null for numbers. */
  classes: number | null;
}

/**
 * The task of a model with outputs of this shape (without the batch axis), trained with this loss on targets of so many classes. Under a loss of numbers
 * the outputs are decisions as well where there is one for each class, or a single one for two classes.
 */
export function taskOf(loss: LossName, outputs: readonly (number | null)[], classes: number | null): Task {
  const width = outputs.at(-1) ?? 1;
  const logits = loss.endsWith('crossentropy');
  return { loss, decisions: decisionsOf(loss, outputs, classes), numbers: !logits, logits, width, classes };
}

function decisionsOf(loss: LossName, outputs: readonly (number | null)[], classes: number | null): Task['decisions'] {
  if (loss === 'binary_crossentropy') return 'labels';
  if (loss.endsWith('crossentropy')) return 'classes';
  if (classes === null || classes < 2) return null;
  if (outputs.at(-1) === classes) return 'classes';
  return classes === 2 && outputs.every((axis) => axis === 1) ? 'labels' : null;
}
