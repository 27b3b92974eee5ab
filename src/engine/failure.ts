import { Problem, type ProblemCode } from '../errors.ts';
import type { EngineFrame } from '../worker/frames.ts';
import { Cancelled } from './cancelled.ts';
import { Paused } from './paused.ts';

/** How TensorFlow, V8 and the C++ runtime say that memory is used up. */
const OUT_OF_MEMORY =
  /OOM when allocating|Resource ?Exhausted|bad_alloc|Array buffer allocation failed|ERR_WORKER_OUT_OF_MEMORY|out of memory/i;

/** The frame that tells the supervisor how a job ended that threw: `cancelled`, `paused`, or `failed` with the code its cause stands for. */
export function failureFrame(error: unknown): Extract<EngineFrame, { kind: 'cancelled' | 'paused' | 'failed' }> {
  if (error instanceof Cancelled) return { kind: 'cancelled' };
  if (error instanceof Paused) return { kind: 'paused' };
  if (error instanceof Problem) return { kind: 'failed', code: error.code, detail: error.message };
  const message = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error && 'code' in error ? `${error.code}` : '';
  const code: ProblemCode = OUT_OF_MEMORY.test(`${name} ${message}`) ? 'OUT_OF_MEMORY' : 'ENGINE_FAILED';
  return { kind: 'failed', code, detail: message };
}
