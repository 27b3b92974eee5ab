/** Keras' learning rate schedules, which stand in a compile_config in place of a number. */
import Type, { type Static } from 'typebox';
import { nullable, strictObject, tagged } from '../schema.ts';

const steps = Type.Number({ exclusiveMinimum: 0, description: 'In steps.' });

export const KerasSchedule = tagged(
  [
    strictObject({
      type: Type.Literal('cosine_decay'),
      initial_learning_rate: Type.Number(),
      decay_steps: steps,
      alpha: Type.Number({ description: 'The last rate, as a fraction of the highest.' }),
      warmup_target: nullable(Type.Number()),
      warmup_steps: Type.Number({ minimum: 0 }),
    }),
    strictObject({
      type: Type.Literal('exponential_decay'),
      initial_learning_rate: Type.Number(),
      decay_steps: steps,
      decay_rate: Type.Number(),
      staircase: Type.Boolean(),
    }),
    strictObject({
      type: Type.Literal('inverse_time_decay'),
      initial_learning_rate: Type.Number(),
      decay_steps: steps,
      decay_rate: Type.Number(),
      staircase: Type.Boolean(),
    }),
    strictObject({
      type: Type.Literal('piecewise_constant_decay'),
      boundaries: Type.Array(Type.Number(), { minItems: 1, maxItems: 1000 }),
      values: Type.Array(Type.Number(), { minItems: 2, maxItems: 1001, description: 'One more than boundaries.' }),
    }),
    strictObject({
      type: Type.Literal('polynomial_decay'),
      initial_learning_rate: Type.Number(),
      decay_steps: steps,
      end_learning_rate: Type.Number(),
      power: Type.Number(),
      cycle: Type.Boolean(),
    }),
  ],
  'A learning rate schedule of Keras, over the optimizer’s own count of steps.',
);
export type KerasSchedule = Static<typeof KerasSchedule>;

/** The class of each schedule and its options in the order of `get_config`. `name` is Keras' default name of the schedule. */
const CLASSES: Record<KerasSchedule['type'], { className: string; name: string; options: Record<string, unknown> }> = {
  cosine_decay: {
    className: 'CosineDecay',
    name: 'CosineDecay',
    options: { initial_learning_rate: undefined, decay_steps: undefined, alpha: 0, warmup_target: null, warmup_steps: 0 },
  },
  exponential_decay: {
    className: 'ExponentialDecay',
    name: 'ExponentialDecay',
    options: { initial_learning_rate: undefined, decay_steps: undefined, decay_rate: undefined, staircase: false },
  },
  inverse_time_decay: {
    className: 'InverseTimeDecay',
    name: 'InverseTimeDecay',
    options: { initial_learning_rate: undefined, decay_steps: undefined, decay_rate: undefined, staircase: false },
  },
  piecewise_constant_decay: {
    className: 'PiecewiseConstantDecay',
    name: 'PiecewiseConstant',
    options: { boundaries: undefined, values: undefined },
  },
  polynomial_decay: {
    className: 'PolynomialDecay',
    name: 'PolynomialDecay',
    options: { initial_learning_rate: undefined, decay_steps: undefined, end_learning_rate: 0.0001, power: 1, cycle: false },
  },
};

/** The schedule that Keras serialised as `value`, not yet checked against `KerasSchedule`; null where its class is none of these. */
export function namedSchedule(value: { class_name?: unknown; config?: unknown }): unknown {
  const found = Object.entries(CLASSES).find(([, { className }]) => className === value.class_name);
  if (!found) return null;
  const [type, { options }] = found;
  const config = (value.config ?? {}) as Record<string, unknown>;
  return { type, ...Object.fromEntries(Object.entries(options).map(([option, standard]) => [option, config[option] ?? standard])) };
}

/** The schedule as Keras serialises it. */
export function serialisedSchedule(schedule: KerasSchedule): Record<string, unknown> {
  const { className, name } = CLASSES[schedule.type];
  const { type: _, ...options } = schedule;
  return { module: 'keras.optimizers.schedules', class_name: className, config: { ...options, name }, registered_name: null };
}

/** The rate of the update that follows `step` updates (counted from 0). Source: `keras/src/optimizers/schedules/learning_rate_schedule.py`. */
export function scheduledRate(schedule: KerasSchedule, step: number): number {
  switch (schedule.type) {
    case 'cosine_decay':
      return cosine(schedule, step);
    case 'exponential_decay':
      return schedule.initial_learning_rate * schedule.decay_rate ** progress(schedule, step);
    case 'inverse_time_decay':
      return schedule.initial_learning_rate / (1 + schedule.decay_rate * progress(schedule, step));
    case 'piecewise_constant_decay': {
      const at = schedule.boundaries.findIndex((boundary) => step <= boundary);
      return schedule.values.at(at)!;
    }
    case 'polynomial_decay': {
      const { initial_learning_rate: first, end_learning_rate: last, decay_steps: length, power, cycle } = schedule;
      const total = cycle ? length * (step === 0 ? 1 : Math.ceil(step / length)) : length;
      return (first - last) * (1 - Math.min(step, total) / total) ** power + last;
    }
  }
}

function progress({ decay_steps, staircase }: { decay_steps: number; staircase: boolean }, step: number): number {
  return staircase ? Math.floor(step / decay_steps) : step / decay_steps;
}

function cosine(schedule: KerasSchedule & { type: 'cosine_decay' }, step: number): number {
  const { initial_learning_rate: first, warmup_target: target, decay_steps, alpha } = schedule;
  const warmup = target === null ? 0 : schedule.warmup_steps;
  if (target !== null && step < warmup) return first + ((target - first) * step) / warmup;
  const highest = target ?? first;
  const done = Math.min(step - warmup, decay_steps) / decay_steps;
  return highest * ((1 - alpha) * 0.5 * (1 + Math.cos(Math.PI * done)) + alpha);
}
