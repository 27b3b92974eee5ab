/** For which classes a model has become worse. */
import type { Interval } from '../intervals.ts';
import { differenceInterval } from '../paired-drop.ts';
import { mcnemarExact } from '../scores.ts';
import type { PairedClasses } from './paired-samples.ts';

export interface ClassRecall {
  class: number;
  samples: number;
  /** Fraction of the class's samples that each model gets right. */
  original: number;
  result: number;
  /** result - original, with Tango's 95 % score interval for paired proportions. */
  difference: Interval;
  /** McNemar's exact p within the class, times the number of classes (Bonferroni), 1 at the most. */
  adjusted_p: number;
  /** Whether the class has lost more than chance explains: worse, and `adjusted_p` below 0.05. */
  worse: boolean;
}

export interface ClassRecalls {
  classes: ClassRecall[];
  /** The class whose recall has fallen most; null where none has. */
  worst: ClassRecall | null;
  /** Classes without a sample in the split. */
  without_samples: number[];
}

export function classRecalls({ labels, classes, original, result }: PairedClasses): ClassRecalls {
  // [classes]: samples, right before, right now, only before, only now.
  const counts = Array.from({ length: classes }, () => ({ samples: 0, before: 0, after: 0, lost: 0, won: 0 }));
  for (const [at, label] of labels.entries()) {
    const count = counts[label];
    if (!count) continue;
    const [before, after] = [original.decided[at] === label, result.decided[at] === label];
    count.samples += 1;
    if (before) count.before += 1;
    if (after) count.after += 1;
    if (before && !after) count.lost += 1;
    if (!before && after) count.won += 1;
  }
  const seen = counts.filter(({ samples }) => samples > 0).length;
  const recalls = counts.flatMap(({ samples, before, after, lost, won }, number): ClassRecall[] => {
    if (samples === 0) return [];
    const adjusted = Math.min(1, mcnemarExact(lost, won) * seen);
    return [
      {
        class: number,
        samples,
        original: before / samples,
        result: after / samples,
        difference: differenceInterval(lost, won, samples),
        adjusted_p: adjusted,
        worse: lost > won && adjusted < 0.05,
      },
    ];
  });
  const fallen = recalls.filter(({ difference }) => difference.value < 0);
  const worst = fallen.reduce<ClassRecall | null>(
    (least, recall) => (least === null || recall.difference.value < least.difference.value ? recall : least),
    null,
  );
  return { classes: recalls, worst, without_samples: counts.flatMap(({ samples }, number) => (samples === 0 ? [number] : [])) };
}
