import type { LearningRateSchedule } from '../jobs/spec/index.ts';

/** The learning rate of step `step` (from 0) of `totalSteps`. The last step of a warm-up has the full rate. */
export function learningRate(schedule: LearningRateSchedule, base: number, step: number, totalSteps: number): number {
  if (schedule.type === 'one_cycle') return base * oneCycle(schedule, step, totalSteps);
  const { warmup_steps: warmup } = schedule;
  if (step < warmup) return (base * (step + 1)) / warmup;
  return base * fraction(schedule, step - warmup, Math.max(1, totalSteps - 1 - warmup));
}

type Plain = Exclude<LearningRateSchedule, { type: 'one_cycle' }>;

/** The fraction of the base rate `step` steps after the warm-up, of which there are `span` until the last. */
function fraction(schedule: Plain, step: number, span: number): number {
  const progress = Math.min(1, step / span);
  switch (schedule.type) {
    case 'constant':
      return 1;
    case 'cosine':
      // Loshchilov & Hutter 2017.
      return schedule.final_fraction + (1 - schedule.final_fraction) * halfCosine(progress);
    case 'step':
      return schedule.factor ** schedule.milestones.filter((milestone) => step >= milestone * (span + 1)).length;
    case 'polynomial':
      return schedule.final_fraction + (1 - schedule.final_fraction) * (1 - progress) ** schedule.power;
    case 'exponential': {
      const exponent = step / schedule.decay_steps;
      return schedule.decay_rate ** (schedule.staircase ? Math.floor(exponent) : exponent);
    }
  }
}

type OneCycle = Extract<LearningRateSchedule, { type: 'one_cycle' }>;

function oneCycle({ rise, initial_division, final_division }: OneCycle, step: number, totalSteps: number): number {
  const last = Math.max(1, totalSteps - 1);
  const peak = rise * last;
  const [low, end] = [1 / initial_division, 1 / (initial_division * final_division)];
  if (step <= peak) return 1 + (low - 1) * halfCosine(peak === 0 ? 1 : step / peak);
  return end + (1 - end) * halfCosine(Math.min(1, (step - peak) / (last - peak)));
}

/** From 1 down to 0. */
function halfCosine(progress: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}
