/** What a metric is: whether it can be measured, and a meter that takes one sample after the other. */
import type { Measurement } from '../intervals.ts';
import type { Sample } from './sample.ts';
import type { Task } from './task.ts';

export interface MetricFacts {
  task: Task;
  /** k of top-k accuracy. */
  top_k: number;
  /** Outputs of all samples of the largest split that is measured. */
  outputs: number;
}

export interface Meter {
  /** Takes a sample; each of `samples` once, in any order. */
  add(sample: Sample): void;
  /** What they say; null where they leave it undefined. */
  measurement(): Measurement | null;
}

export interface Metric {
  /** Why it cannot be measured, as the end of a sentence that begins with its name; null where it can. */
  fault(facts: MetricFacts): string | null;
  meter(task: Task, samples: number, topK: number): Meter;
  /** What leaves it without a value, as a sentence. */
  undefinedWhere: string;
}

/** Outputs of all samples up to which a metric may keep them: 256 MiB an array of float32. */
export const MOST_KEPT = 2 ** 26;

export function needsDecisions({ task }: MetricFacts): string | null {
  if (task.decisions) return null;
  return `needs classes; ${task.loss} with ${task.width === 1 ? 'one output' : `${task.width} outputs`} and ${
    task.classes === null ? 'numbers as targets' : `${task.classes} classes`
  } has no decisions to score`;
}

export function needsNumbers({ task }: MetricFacts): string | null {
  return task.numbers ? null : `is of errors in numbers; ${task.loss} scores classes`;
}

export function keepsOutputs({ outputs }: MetricFacts): string | null {
  return outputs <= MOST_KEPT ? null : `keeps every output of the split, ${MOST_KEPT} at most; here they are ${outputs}`;
}

export const NOT_A_NUMBER = 'Some output is not a finite number.';
