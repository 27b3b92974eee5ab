/**
 * The engine's second thread: TensorFlow lives here and may block it for as long as a batch takes. It is told what to do by the main thread
 * (`child.ts`), posts frames back, and can be asked to stop or to pause through a flag in shared memory, the only thing that reaches it while it computes.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { EngineFrame, PredictFrame, RunFrame, VerifyFrame } from '../worker/frames.ts';
import { failureFrame } from './failure.ts';
import { CANCEL, PAUSE } from './flag.ts';
import { requireNativeTensorFlow, warmUp } from './tensorflow.ts';

export interface ThreadData {
  device: 'auto' | 'cpu' | 'gpu';
  threads: number;
  /** One int32 with the values of `flag.ts`. */
  flag: SharedArrayBuffer;
}

if (!parentPort) throw new Error('thread.ts runs in a worker thread of child.ts');
const port = parentPort;
const { device, threads, flag: flagBuffer } = workerData as ThreadData;
const flag = new Int32Array(flagBuffer);

const facts = requireNativeTensorFlow(device);
// Loaded before the first job arrives: a job then starts without reading a module.
const [{ runJob }, { verify }, { Predictions }] = await Promise.all([import('./job.ts'), import('./verify.ts'), import('./predict.ts')]);
const predictions = new Predictions();
warmUp();
port.on('message', (frame: RunFrame | VerifyFrame | PredictFrame) => void answer(frame));
port.postMessage({ kind: 'ready', tensorflow: facts.version, backend: 'tensorflow', device: facts.device, threads } satisfies EngineFrame);

const cancelled = () => Atomics.load(flag, 0) === CANCEL;

async function answer(frame: RunFrame | VerifyFrame | PredictFrame): Promise<void> {
  try {
    if (frame.kind === 'run') await run(frame);
    else if (frame.kind === 'verify') port.postMessage({ kind: 'verified', ...(await verify(frame)) } satisfies EngineFrame);
    else {
      const outputs = await predictions.predict(frame, cancelled);
      port.postMessage(
        { kind: 'predicted', outputs } satisfies EngineFrame,
        outputs.map(({ data }) => data.buffer),
      );
    }
  } catch (error) {
    const failure = failureFrame(error);
    if (failure.kind === 'failed') console.error(error);
    port.postMessage(failure);
  }
}

async function run(frame: RunFrame): Promise<void> {
  let finished = false;
  const context = {
    emit(emitted: EngineFrame) {
      finished ||= emitted.kind === 'finished';
      port.postMessage(emitted, emitted.kind === 'series' ? emitted.chunks.map(({ data }) => data.buffer) : []);
    },
    cancelled,
    pauseRequested: () => Atomics.load(flag, 0) === PAUSE,
  };
  await runJob(frame, context);
  if (!finished) throw new Error('The job returned without having finished');
}
