/**
 * F1 = 2·TP / (2·TP + FP + FN): of a single output the one of its positives, else the mean over classes or labels (macro). A class that neither occurs nor
 * is predicted has none and is left out of the mean, where Keras counts it as 0. The interval is that of a ratio of sums, by the delta method (Takahashi 2022).
 */
import { influenceInterval } from '../intervals.ts';
import { type Metric, needsDecisions } from './metric.ts';

export const f1: Metric = {
  fault: needsDecisions,
  undefinedWhere: 'There is no positive label, and none is predicted.',
  meter({ decisions, width }, samples) {
    let actual = new Int32Array(0);
    let predicted = new Int32Array(0);
    let perSample = 0;
    /** The class that a place of the arrays speaks for; -1 for none. */
    const classAt = (values: Int32Array, at: number): number => {
      if (decisions === 'classes') return values[at]!;
      return values[at] === 1 ? at % width : -1;
    };
    return {
      add({ index, labels, decided }) {
        if (perSample === 0) {
          perSample = labels.length;
          [actual, predicted] = [new Int32Array(samples * perSample), new Int32Array(samples * perSample)];
        }
        actual.set(labels, index * perSample);
        predicted.set(decided, index * perSample);
      },
      measurement() {
        const hits = new Float64Array(width);
        const mentions = new Float64Array(width);
        for (let at = 0; at < actual.length; at++) {
          const [truth, decision] = [classAt(actual, at), classAt(predicted, at)];
          if (truth >= 0) mentions[truth]!++;
          if (decision >= 0) mentions[decision]!++;
          if (truth >= 0 && truth === decision) hits[truth]!++;
        }
        const scores = hits.map((hit, index) => (2 * hit) / mentions[index]!);
        const defined = scores.filter((score) => !Number.isNaN(score));
        if (defined.length === 0) return null;
        const value = defined.reduce((sum, score) => sum + score, 0) / defined.length;
        const influence = new Float64Array(samples);
        const scale = Math.sqrt(samples / (samples - 1)) / defined.length;
        for (let at = 0; at < actual.length; at++) {
          const [truth, decision] = [classAt(actual, at), classAt(predicted, at)];
          let moved = 0;
          if (truth >= 0 && truth === decision) moved += 2 / mentions[truth]!;
          if (truth >= 0) moved -= scores[truth]! / mentions[truth]!;
          if (decision >= 0) moved -= scores[decision]! / mentions[decision]!;
          influence[Math.floor(at / perSample)]! += moved * scale;
        }
        return influenceInterval(value, influence, 0, 1);
      },
    };
  },
};
