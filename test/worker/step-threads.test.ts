import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../src/jobs/spec/index.ts';
import { stepThreads } from '../../src/worker/step-threads.ts';

const spec = (training: { batch_size: number; micro_batch_size: number | null }) => ({ type: 'train', training }) as unknown as JobSpec;

describe('stepThreads', () => {
  it('computes small steps on one thread and others on all', () => {
    // LeNet-300-100 and LeNet-5.
    expect(stepThreads(spec({ batch_size: 128, micro_batch_size: null }), 266_200, 8)).toBe(1);
    expect(stepThreads(spec({ batch_size: 128, micro_batch_size: null }), 2_293_000, 8)).toBe(8);
    expect(stepThreads(spec({ batch_size: 1024, micro_batch_size: null }), 266_200, 8)).toBe(8);
  });

  it('goes by the part of a batch that is computed at once', () => {
    expect(stepThreads(spec({ batch_size: 1024, micro_batch_size: 64 }), 266_200, 8)).toBe(1);
  });
});
