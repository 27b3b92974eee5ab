/** What two models say of the same samples, kept as few numbers a sample while their outputs stream by. */
import type { Sample } from '../metrics/sample.ts';
import type { Numbers, Task } from '../metrics/task.ts';

/** What one model says of samples that have one class each, in the order in which they were added. */
export interface ClassDecisions {
  /** The class that it decides for, [samples]; -1 where its output is not a number. */
  decided: Int32Array;
  /** The probability that it gives that class, [samples]; of no use where its outputs are no probabilities. */
  confidence: Float64Array;
  /** Squared distance of its probabilities from the one-hot label, summed over the classes (Brier 1950), 0 to 2, [samples]. */
  brier: Float64Array;
}

/** Samples with one class each. */
export interface PairedClasses {
  kind: 'classes';
  classes: number;
  samples: number;
  /** Whether outputs are probabilities, so that they can be calibrated. */
  probabilities: boolean;
  labels: Int32Array;
  original: ClassDecisions;
  result: ClassDecisions;
  /** Kullback-Leibler divergence of the result's probabilities from the original's, in nats, [samples]. */
  divergence: Float64Array;
}

/** Samples that are numbers: per sample means over their outputs. */
export interface PairedNumbers {
  kind: 'numbers';
  samples: number;
  /** Mean of the targets, which groups are made by, [samples]. */
  targets: Float64Array;
  /** Mean absolute error, [samples]. */
  original: Float64Array;
  result: Float64Array;
  /** Mean absolute difference of the two models' outputs, [samples]. */
  moved: Float64Array;
}

/** Samples with several decisions each: only how many of them are others. */
export interface PairedDecisions {
  kind: 'decisions';
  samples: number;
  /** Of each sample. */
  decisions: number;
  /** Of each sample the decisions that differ, [samples]. */
  flipped: Int32Array;
  /** Those that only the original gets right, and those that only the result does, [samples]. */
  lost: Int32Array;
  won: Int32Array;
}

export type PairedSamples = PairedClasses | PairedNumbers | PairedDecisions;

/** Takes what both models said of one sample after the other. */
export interface PairedWatch {
  see(original: Sample, result: Sample): void;
  samples: PairedSamples;
}

/** `outputs` is the model's output shape without the batch axis; both models have it. */
export function watchPairs(task: Task, outputs: readonly (number | null)[], samples: number): PairedWatch {
  const positions = outputs.slice(0, -1).every((axis) => axis === 1);
  if (task.decisions === 'classes' && positions && task.width > 1) return watchClasses(task, task.width, samples);
  if (task.decisions === 'labels' && outputs.every((axis) => axis === 1)) return watchClasses(task, 2, samples);
  return task.decisions === null ? watchNumbers(samples) : watchDecisions(samples);
}

function watchClasses(task: Task, classes: number, samples: number): PairedWatch {
  const side = (): ClassDecisions => ({
    decided: new Int32Array(samples),
    confidence: new Float64Array(samples),
    brier: new Float64Array(samples),
  });
  const kept: PairedClasses = {
    kind: 'classes',
    classes,
    samples,
    probabilities: task.logits,
    labels: new Int32Array(samples),
    original: side(),
    result: side(),
    divergence: new Float64Array(samples),
  };
  const [before, after] = [new Float64Array(classes), new Float64Array(classes)];
  const probabilities = task.decisions === 'labels' ? sigmoid : softmax;
  const judge = ({ decided, confidence, brier }: ClassDecisions, sample: Sample, given: Float64Array, at: number): void => {
    const [decision, label] = [sample.decided[0]!, sample.labels[0]!];
    decided[at] = decision;
    if (!task.logits) return;
    probabilities(sample.outputs, given);
    confidence[at] = decision < 0 ? Number.NaN : given[decision]!;
    let distance = 0;
    for (let place = 0; place < classes; place++) distance += (given[place]! - (place === label ? 1 : 0)) ** 2;
    brier[at] = distance;
  };
  let at = 0;
  return {
    samples: kept,
    see(original, result) {
      kept.labels[at] = original.labels[0]!;
      judge(kept.original, original, before, at);
      judge(kept.result, result, after, at);
      if (task.logits) kept.divergence[at] = divergence(before, after);
      at += 1;
    },
  };
}

function watchNumbers(samples: number): PairedWatch {
  const array = (): Float64Array => new Float64Array(samples);
  const kept: PairedNumbers = { kind: 'numbers', samples, targets: array(), original: array(), result: array(), moved: array() };
  let at = 0;
  return {
    samples: kept,
    see(original, result) {
      kept.targets[at] = mean(original.truths.length, (place) => original.truths[place]!);
      kept.original[at] = mean(original.outputs.length, (place) => Math.abs(original.outputs[place]! - original.truths[place]!));
      kept.result[at] = mean(result.outputs.length, (place) => Math.abs(result.outputs[place]! - result.truths[place]!));
      kept.moved[at] = mean(result.outputs.length, (place) => Math.abs(result.outputs[place]! - original.outputs[place]!));
      at += 1;
    },
  };
}

function watchDecisions(samples: number): PairedWatch {
  const counts = (): Int32Array => new Int32Array(samples);
  const kept: PairedDecisions = { kind: 'decisions', samples, decisions: 0, flipped: counts(), lost: counts(), won: counts() };
  let at = 0;
  return {
    samples: kept,
    see({ labels, decided }, result) {
      kept.decisions = labels.length;
      for (let place = 0; place < labels.length; place++) {
        const [before, after] = [decided[place]!, result.decided[place]!];
        if (before === after) continue;
        kept.flipped[at]! += 1;
        if (before === labels[place]) kept.lost[at]! += 1;
        else if (after === labels[place]) kept.won[at]! += 1;
      }
      at += 1;
    },
  };
}

function mean(count: number, valueAt: (place: number) => number): number {
  let sum = 0;
  for (let place = 0; place < count; place++) sum += valueAt(place);
  return sum / Math.max(1, count);
}

/** Probabilities of logits [classes], into `into`. */
function softmax(logits: Numbers, into: Float64Array): void {
  let top = Number.NEGATIVE_INFINITY;
  for (const logit of logits) top = Math.max(top, logit);
  let sum = 0;
  for (let place = 0; place < into.length; place++) {
    into[place] = Math.exp(logits[place]! - top);
    sum += into[place]!;
  }
  for (let place = 0; place < into.length; place++) into[place]! /= sum;
}

/** Probabilities of the two classes of one logit. */
function sigmoid(logits: Numbers, into: Float64Array): void {
  into[1] = 1 / (1 + Math.exp(-logits[0]!));
  into[0] = 1 / (1 + Math.exp(logits[0]!));
}

/** Σ p·log(p / q), in nats; probabilities that float64 has no room for count as its smallest. */
function divergence(p: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let place = 0; place < p.length; place++) {
    if (p[place]! > 0) sum += p[place]! * Math.log(p[place]! / Math.max(q[place]!, Number.MIN_VALUE));
  }
  return Math.max(0, sum);
}
