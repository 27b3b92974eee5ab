/**
 * The engine's second thread: TensorFlow lives here and may block it for as long as a batch takes. It is told what to do by the main thread
 * (`child.ts`), posts frames back, and can be asked to stop through a flag in shared memory, the only thing that reaches it while it computes.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { EngineFrame, RunFrame, VerifyFrame } from '../worker/frames.ts';
import { failureFrame } from './failure.ts';
import { requireNativeTensorFlow, warmUp } from './tensorflow.ts';

export interface ThreadData {
  device: 'auto' | 'cpu' | 'gpu';
  threads: number;
  /** One int32; 1 once the job shall stop. */
  cancelFlag: SharedArrayBuffer;
}

if (!parentPort) throw new Error('thread.ts runs in a worker thread of child.ts');
const port = parentPort;
const { device, threads, cancelFlag } = workerData as ThreadData;
const flag = new Int32Array(cancelFlag);

const facts = requireNativeTensorFlow(device);
// Loaded before the first job arrives: a job then starts without reading a module.
const [{ runJob }, { verify }] = await Promise.all([import('./job.ts'), import('./verify.ts')]);
warmUp();
port.on('message', (frame: RunFrame | VerifyFrame) => void answer(frame));
port.postMessage({ kind: 'ready', tensorflow: facts.version, backend: 'tensorflow', device: facts.device, threads } satisfies EngineFrame);

async function answer(frame: RunFrame | VerifyFrame): Promise<void> {
  try {
    if (frame.kind === 'run') await run(frame);
    else port.postMessage({ kind: 'verified', ...(await verify(frame)) } satisfies EngineFrame);
  } catch (error) {
    const failure = failureFrame(error);
    if (failure.kind === 'failed') console.error(error);
    port.postMessage(failure);
  }
}

async function run(frame: RunFrame): Promise<void> {
  let finished = false;
  await runJob(frame, {
    emit(emitted) {
      finished ||= emitted.kind === 'finished';
      port.postMessage(emitted, emitted.kind === 'series' ? emitted.chunks.map(({ data }) => data.buffer) : []);
    },
    cancelled: () => Atomics.load(flag, 0) === 1,
  });
  if (!finished) throw new Error('The job returned without having finished');
}
