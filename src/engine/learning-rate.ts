import type { LearningRateSchedule } from '../jobs/spec/index.ts';

/**
 * The learning rate of step `step` (from 0) of `totalSteps`: linear warm-up over `warmup_steps`, the last of which has the full rate; then constant,
 * or half a cosine down to `final_fraction` of it at the last step (Loshchilov & Hutter 2017).
 */
export function learningRate(schedule: LearningRateSchedule, base: number, step: number, totalSteps: number): number {
  const { warmup_steps: warmup } = schedule;
  if (step < warmup) return (base * (step + 1)) / warmup;
  switch (schedule.type) {
    case 'constant':
      return base;
    case 'cosine': {
      const span = Math.max(1, totalSteps - 1 - warmup);
      const progress = Math.min(1, (step - warmup) / span);
      return base * (schedule.final_fraction + (1 - schedule.final_fraction) * 0.5 * (1 + Math.cos(Math.PI * progress)));
    }
  }
}
