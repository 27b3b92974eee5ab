import type { Extent } from '../../../src/jobs/series/extents.ts';

export type Sample = readonly [step: number, value: number];

/** What a group of rows has in one column, by sorting all of them. */
export function slowExtent(samples: readonly Sample[]): Extent {
  const finite = samples.filter(([, value]) => Number.isFinite(value));
  const byStep = finite.toSorted(([one], [other]) => one - other);
  const least = byStep.toSorted(([, one], [, other]) => one - other)[0];
  const most = byStep.toSorted(([, one], [, other]) => other - one)[0];
  const [first, last] = [byStep[0], byStep.at(-1)];
  return {
    first: first?.[1] ?? null,
    first_step: first?.[0] ?? null,
    last: last?.[1] ?? null,
    last_step: last?.[0] ?? null,
    min: least?.[1] ?? null,
    min_step: least?.[0] ?? null,
    max: most?.[1] ?? null,
    max_step: most?.[0] ?? null,
    non_finite: samples.length - finite.length,
  };
}
