import { describe, expect, it } from 'vitest';
import { Cancelled } from '../../src/engine/cancelled.ts';
import { failureFrame } from '../../src/engine/failure.ts';
import { Paused } from '../../src/engine/paused.ts';
import { Problem } from '../../src/errors.ts';

describe('failureFrame', () => {
  it('reports a cancelled job as cancelled', () => expect(failureFrame(new Cancelled())).toEqual({ kind: 'cancelled' }));

  it('reports a paused job as paused', () => expect(failureFrame(new Paused())).toEqual({ kind: 'paused' }));

  it('keeps the code of a Problem', () => {
    const problem = new Problem('NON_FINITE_GRADIENT', 'The gradient of dense/kernel is NaN in step 3');
    expect(failureFrame(problem)).toEqual({ kind: 'failed', code: 'NON_FINITE_GRADIENT', detail: problem.message });
  });

  it.each([
    'OOM when allocating tensor with shape[100000,100000] and type float',
    'ResourceExhausted: failed to allocate memory',
    'std::bad_alloc',
    'Array buffer allocation failed',
  ])('knows %s for a lack of memory', (message) => {
    expect(failureFrame(new Error(message))).toMatchObject({ kind: 'failed', code: 'OUT_OF_MEMORY' });
  });

  it('knows a thread that ran out of heap for a lack of memory', () => {
    const error = Object.assign(new Error('Worker terminated due to reaching memory limit'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
    expect(failureFrame(error)).toMatchObject({ code: 'OUT_OF_MEMORY' });
  });

  it('calls everything else a failure of the engine', () => {
    expect(failureFrame(new TypeError('x is not a function'))).toEqual({
      kind: 'failed',
      code: 'ENGINE_FAILED',
      detail: 'x is not a function',
    });
    expect(failureFrame('thrown text')).toMatchObject({ code: 'ENGINE_FAILED', detail: 'thrown text' });
  });
});
