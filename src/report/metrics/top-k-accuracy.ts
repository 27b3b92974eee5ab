/**
 * The fraction of decisions whose class is among the k largest outputs, of positions and with the interval as accuracy has it. Of equal outputs the first comes
 * first, so that k = 1 is accuracy and a model whose outputs are all the same gains nothing; Keras counts all of the equals in.
 */
import { fractionMeter } from './fraction-meter.ts';
import { type Metric, NOT_A_NUMBER, needsDecisions } from './metric.ts';
import type { Sample } from './sample.ts';

export const topKAccuracy: Metric = {
  fault(facts) {
    const { task, top_k: k } = facts;
    if (task.decisions === 'labels') return `needs one class out of several; ${task.loss} decides each output by itself`;
    return needsDecisions(facts) ?? (k > task.width ? `asks for the best ${k} of ${task.width} classes; top_k must not exceed that` : null);
  },
  undefinedWhere: NOT_A_NUMBER,
  meter: ({ width }, samples, k) => fractionMeter(samples, (sample) => fractionAmongTop(sample, width, k)),
};

function fractionAmongTop({ outputs, labels, decided }: Sample, width: number, k: number): number {
  let right = 0;
  for (let position = 0; position < labels.length; position++) {
    const label = labels[position]!;
    const wanted = outputs[position * width + label]!;
    let before = 0;
    for (let index = 0; index < width; index++) {
      const output = outputs[position * width + index]!;
      if (output > wanted || (output === wanted && index < label)) before++;
    }
    if (before < k && decided[position] !== -1) right++;
  }
  return right / labels.length;
}
