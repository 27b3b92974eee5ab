/** One sample as the metrics see it. */
import type { Numbers, Task } from './task.ts';

export interface Sample {
  /** Its place in the split. */
  index: number;
  /** [positions · width]. */
  outputs: Numbers;
  /** The true class of each position, [positions]; with labels, 1 or 0 for each output. Empty without decisions. */
  labels: Int32Array;
  /** What the model decides, of the same form; -1, which is never right, where an output is not a number. */
  decided: Int32Array;
  /** The target of each output; empty where only classes count. */
  truths: Numbers;
}

const NONE = new Int32Array(0);

/** Reads samples of a task. A sample's arrays count until the next one is read. */
export function sampleReader(task: Task): (index: number, outputs: Numbers, targets: Numbers) => Sample {
  const { decisions, width } = task;
  const threshold = task.logits ? 0 : 0.5;
  let labels: Int32Array = NONE;
  let decided: Int32Array = NONE;
  return (index, outputs, targets) => {
    if (decisions) {
      const count = decisions === 'classes' ? outputs.length / width : outputs.length;
      if (labels.length !== count) [labels, decided] = [new Int32Array(count), new Int32Array(count)];
      const numbered = targets.length === count;
      for (let at = 0; at < count; at++) {
        if (decisions === 'classes') {
          labels[at] = numbered ? targets[at]! : largest(targets, at * width, (at + 1) * width);
          decided[at] = largest(outputs, at * width, (at + 1) * width);
        } else {
          const output = outputs[at]!;
          labels[at] = targets[at]! > 0.5 ? 1 : 0;
          decided[at] = Number.isNaN(output) ? -1 : output > threshold ? 1 : 0;
        }
      }
    }
    return { index, outputs, labels, decided, truths: task.numbers ? denseTargets(outputs, targets, task.classes) : NONE };
  };
}

/** The fraction of a sample's decisions that are right, 0 to 1: of a class 1 or 0, as it is for Keras the mean over positions or labels. */
export function fractionRight({ labels, decided }: Sample): number {
  let right = 0;
  for (let at = 0; at < labels.length; at++) if (labels[at] === decided[at]) right++;
  return right / labels.length;
}

/** Targets of the outputs' form: class numbers become rows of 0s with a single 1. */
export function denseTargets(outputs: Numbers, targets: Numbers, classes: number | null): Numbers {
  if (targets.length === outputs.length || classes === null) return targets;
  const rows = new Float32Array(outputs.length);
  for (let position = 0; position < targets.length; position++) rows[position * classes + targets[position]!] = 1;
  return rows;
}

/** Where the largest value from `from` to `to` stands, counted from `from`; the first of equals, -1 where one is not a number. */
function largest(values: Numbers, from: number, to: number): number {
  let at = from;
  for (let index = from; index < to; index++) {
    if (Number.isNaN(values[index]!)) return -1;
    if (values[index]! > values[at]!) at = index;
  }
  return at - from;
}
