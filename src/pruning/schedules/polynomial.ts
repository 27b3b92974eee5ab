/**
 * The sparsity after `step` of `totalSteps` training steps: s_f + (s_i - s_f)·(1 - (t - t0)/(t1 - t0))³ (Zhu & Gupta 2017), s_i before t0, s_f from t1.
 * `begin` and `end` are fractions of all steps; sparsities are fractions of zeros.
 */
export function polynomialSparsity(
  step: number,
  schedule: { initial: number; final: number; begin: number; end: number; totalSteps: number },
): number {
  const { initial, final } = schedule;
  const [t0, t1] = polynomialSpan(schedule);
  if (step < t0) return initial;
  if (step >= t1) return final;
  return final + (initial - final) * (1 - (step - t0) / (t1 - t0)) ** 3;
}

/** The first and last step at which a polynomial schedule prunes. */
export function polynomialSpan(schedule: { begin: number; end: number; totalSteps: number }): [number, number] {
  const t0 = Math.floor(schedule.begin * schedule.totalSteps);
  return [t0, Math.max(t0, Math.floor(schedule.end * schedule.totalSteps))];
}

/** The steps after which the schedule prunes, each with the part of the whole cut, above 0 and at most 1, that is made by then. */
export function polynomialCuts(schedule: {
  begin: number;
  end: number;
  every_steps: number;
  totalSteps: number;
}): { step: number; part: number }[] {
  const [t0, t1] = polynomialSpan(schedule);
  return Array.from({ length: t1 - t0 + 1 }, (_, index) => t0 + index)
    .filter((step) => polynomialPrunesAt(step, schedule))
    .map((step) => ({ step, part: polynomialSparsity(step, { ...schedule, initial: 0, final: 1 }) }))
    .filter(({ part }) => part > 0);
}

/**
 * Whether the schedule prunes after `step`: every `every_steps` from t0 (more often in short runs, so that there are at least ten cuts where the
 * steps allow it), and always at t1.
 */
export function polynomialPrunesAt(
  step: number,
  schedule: { begin: number; end: number; every_steps: number; totalSteps: number },
): boolean {
  const [t0, t1] = polynomialSpan(schedule);
  if (step === t1) return true;
  const every = Math.max(1, Math.min(schedule.every_steps, Math.floor((t1 - t0) / 10)));
  return step >= t0 && step < t1 && (step - t0) % every === 0;
}
