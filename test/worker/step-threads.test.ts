import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../src/jobs/spec/index.ts';
import { macsAtSamples, stepThreads, teacherOf } from '../../src/worker/step-threads.ts';

const spec = (training: Record<string, unknown>, type = 'train') =>
  ({ type, model_id: 'mdl_own', training, fine_tuning: training }) as unknown as JobSpec;
const alone = (model: number) => ({ model, teacher: 0 });

describe('stepThreads', () => {
  it('computes small steps on one thread and others on all', () => {
    // LeNet-300-100 and LeNet-5.
    expect(stepThreads(spec({ batch_size: 128, micro_batch_size: null }), alone(266_200), 8)).toBe(1);
    expect(stepThreads(spec({ batch_size: 128, micro_batch_size: null }), alone(2_293_000), 8)).toBe(8);
    expect(stepThreads(spec({ batch_size: 1024, micro_batch_size: null }), alone(266_200), 8)).toBe(8);
  });

  it('goes by the part of a batch that is computed at once', () => {
    expect(stepThreads(spec({ batch_size: 1024, micro_batch_size: 64 }), alone(266_200), 8)).toBe(1);
  });

  it('counts what a teacher computes', () => {
    expect(stepThreads(spec({ batch_size: 128, micro_batch_size: null }), { model: 266_200, teacher: 300_000 }, 8)).toBe(1);
    expect(stepThreads(spec({ batch_size: 128, micro_batch_size: null }), { model: 266_200, teacher: 2_293_000 }, 8)).toBe(8);
  });
});

describe('multiply-accumulates at samples', () => {
  const facts = (shape: (number | null)[]) => ({ macs: 216, inputs: [{ name: 'x', shape: [null, ...shape] }] });
  it('are as if each layer ran at every place along free axes', () => {
    expect(macsAtSamples(facts([null, null, 3]), [12, 10, 3])).toBe(216 * 120);
    expect(macsAtSamples(facts([12, 10, 3]), [12, 10, 3])).toBe(216);
    expect(macsAtSamples(facts([12, 10, 3]), [360])).toBe(216);
    expect(macsAtSamples(facts([null, 3]), [])).toBe(216);
  });
});

it('the teacher is the model that is named, or the uploaded one', () => {
  expect(teacherOf(spec({ distillation: null }))).toBeNull();
  expect(teacherOf(spec({ distillation: { teacher_model_id: null } }, 'prune'))).toBe('mdl_own');
  expect(teacherOf(spec({ distillation: { teacher_model_id: 'mdl_other' } }))).toBe('mdl_other');
});
