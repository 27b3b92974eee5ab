/**
 * The area under the ROC curve: the probability that a positive scores above a negative, ties counting half (Mann-Whitney). Of a single output the one of
 * its positives; of several classes or labels the mean over those that have both kinds (one against the rest, macro). Exact, by ranks. The interval is
 * DeLong's (1988); of a mean that of the samples' summed placements.
 */
import { influenceInterval } from '../intervals.ts';
import { keepsOutputs, type Meter, type Metric, needsDecisions } from './metric.ts';
import type { Numbers, Task } from './task.ts';

export const auc: Metric = {
  fault: (facts) => needsDecisions(facts) ?? keepsOutputs(facts),
  undefinedWhere: 'It takes samples of both kinds, and outputs that are finite numbers.',
  meter,
};

function meter(task: Task, samples: number): Meter {
  const { decisions, width } = task;
  let scores = new Float32Array(0);
  let truths = new Int32Array(0);
  let rowsPerSample = 0;
  let isScored = true;
  return {
    add({ index, outputs, labels }) {
      if (rowsPerSample === 0) {
        rowsPerSample = outputs.length / width;
        [scores, truths] = [new Float32Array(samples * outputs.length), new Int32Array(samples * labels.length)];
      }
      const from = index * outputs.length;
      if (decisions === 'classes' && task.logits) {
        for (let row = 0; row < outputs.length; row += width) logOdds(outputs, row, width, scores, from + row);
      } else scores.set(outputs, from);
      for (const output of outputs) isScored &&= Number.isFinite(output);
      truths.set(labels, index * labels.length);
    },
    measurement() {
      if (!isScored) return null;
      const rows = scores.length / width;
      const column = new Float32Array(rows);
      const positive = new Uint8Array(rows);
      const influence = new Float64Array(samples);
      let [sum, defined] = [0, 0];
      for (let index = 0; index < width; index++) {
        for (let row = 0; row < rows; row++) {
          column[row] = scores[row * width + index]!;
          positive[row] = (decisions === 'classes' ? truths[row] === index : truths[row * width + index] === 1) ? 1 : 0;
        }
        const area = areaOf(column, positive);
        if (!area) continue;
        sum += area.value;
        defined++;
        for (let row = 0; row < rows; row++) influence[Math.floor(row / rowsPerSample)]! += area.influence[row]!;
      }
      if (defined === 0) return null;
      return influenceInterval(
        sum / defined,
        influence.map((moved) => moved / defined),
        0,
        1,
      );
    },
  };
}

/** ln(p / (1 - p)) of each class's softmax: in the order of the probabilities, but without their rounding to 0 and 1. */
function logOdds(logits: Numbers, from: number, width: number, into: Float32Array, at: number): void {
  let [first, second] = [-1, -1];
  for (let index = 0; index < width; index++) {
    if (first < 0 || logits[from + index]! > logits[from + first]!) [first, second] = [index, first];
    else if (second < 0 || logits[from + index]! > logits[from + second]!) second = index;
  }
  const [top, next] = [logits[from + first]!, logits[from + second]!];
  let sum = 0;
  let rest = 0;
  for (let index = 0; index < width; index++) {
    sum += Math.exp(logits[from + index]! - top);
    if (index !== first) rest += Math.exp(logits[from + index]! - next);
  }
  for (let index = 0; index < width; index++) {
    const logit = logits[from + index]!;
    into[at + index] = index === first ? logit - next - Math.log(rest) : logit - top - Math.log(sum - Math.exp(logit - top));
  }
}

/** The area of one output and how far each row moves it, [rows], not finite where there is only one row of a kind; null where there is none. */
function areaOf(scores: Float32Array, positive: Uint8Array): { value: number; influence: Float64Array } | null {
  const rows = scores.length;
  let positives = 0;
  for (let row = 0; row < rows; row++) positives += positive[row]!;
  const negatives = rows - positives;
  if (positives === 0 || negatives === 0) return null;
  const order = ranked(scores);
  // Of a positive the fraction of negatives below it, of a negative that of positives above it; ties count half.
  const placements = new Float64Array(rows);
  let [positivesBelow, negativesBelow, sum] = [0, 0, 0];
  for (let from = 0, to = 0; from < rows; from = to) {
    const score = scores[order[from]!]!;
    let tiedPositives = 0;
    while (to < rows && scores[order[to]!] === score) tiedPositives += positive[order[to++]!]!;
    const tiedNegatives = to - from - tiedPositives;
    const ofPositive = (negativesBelow + tiedNegatives / 2) / negatives;
    const ofNegative = 1 - (positivesBelow + tiedPositives / 2) / positives;
    for (let at = from; at < to; at++) placements[order[at]!] = positive[order[at]!] === 1 ? ofPositive : ofNegative;
    sum += tiedPositives * ofPositive;
    positivesBelow += tiedPositives;
    negativesBelow += tiedNegatives;
  }
  const value = sum / positives;
  // Whose squares sum up to S10 / m + S01 / n.
  const [m, n] = [positives, negatives].map((count) => Math.sqrt(count * (count - 1))) as [number, number];
  for (let row = 0; row < rows; row++) placements[row] = (placements[row]! - value) / (positive[row] === 1 ? m : n);
  return { value, influence: placements };
}

/** Rows by ascending score. Score and row are sorted as one 64-bit number, which typed arrays do several times faster than by a comparison function. */
function ranked(scores: Float32Array): Uint32Array {
  const rows = scores.length;
  const keys = new BigUint64Array(rows);
  const halves = new Uint32Array(keys.buffer);
  const asFloat = new Float32Array(1);
  const asBits = new Uint32Array(asFloat.buffer);
  for (let row = 0; row < rows; row++) {
    // -0 is no lower than 0.
    asFloat[0] = scores[row]! + 0;
    const bits = asBits[0]!;
    halves[2 * row] = row;
    // The bits of floats are in order once those of negative ones are inverted.
    halves[2 * row + 1] = bits >>> 31 === 1 ? ~bits : bits | 0x80000000;
  }
  keys.sort();
  const order = new Uint32Array(rows);
  for (let at = 0; at < rows; at++) order[at] = halves[2 * at]!;
  return order;
}
