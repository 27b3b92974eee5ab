/**
 * The engine process. This thread never loads TensorFlow: it passes frames between the supervisor and `thread.ts`, checks them both ways, and says each
 * second that the process lives. It has nothing to save, so every end it makes itself is a SIGKILL: an exit would wait for the step that TensorFlow
 * is computing.
 *
 * Environment, all set by the supervisor: ESPALIER_ENGINE_DEVICE (auto, cpu, gpu), TF_NUM_INTRAOP_THREADS, and what TensorFlow reads when it loads;
 * ESPALIER_ENGINE_NICENESS where it is another than below normal, and ESPALIER_ENGINE_MEMORY_MIB where the process is to end itself beyond so much.
 */
import { writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Problem } from '../errors.ts';
import type { EngineFrame } from '../worker/frames.ts';
import { failureFrame } from './failure.ts';
import { CANCEL, NOTHING, PAUSE } from './flag.ts';
import type { ThreadData } from './thread.ts';

const HEARTBEAT_MS = 1000;
const MIB = 2 ** 20;

// Threads inherit this, so it comes before any is started: the server answers while the engine uses every core. Somebody who is nicer already stays so,
// since going back takes a right.
const niceness = Number(process.env.ESPALIER_ENGINE_NICENESS ?? constants.priority.PRIORITY_BELOW_NORMAL);
if (getPriority() < niceness) setPriority(niceness);
try {
  // When memory runs out the kernel shall take the engine, which is replaced, rather than the supervisor or the server.
  writeFileSync('/proc/self/oom_score_adj', '500');
} catch {
  // Not Linux, or not allowed: nothing depends on it.
}

let failed = false;
process.on('disconnect', die);
// A terminal's ^C reaches the whole group; whether a job ends is the supervisor's to say.
process.on('SIGINT', () => {});
process.on('uncaughtException', (error) => fail(error));

const flagBuffer = new SharedArrayBuffer(4);
const flag = new Int32Array(flagBuffer);
const data: ThreadData = { device: readDevice(), threads: Number(process.env.TF_NUM_INTRAOP_THREADS), flag: flagBuffer };
const thread = new Worker(new URL('./thread.ts', import.meta.url), { workerData: data });
thread.on('error', (error) => fail(error));
thread.on('exit', (code) => fail(new Error(`The engine's thread ended with code ${code}`)));

const memoryMib = Number(process.env.ESPALIER_ENGINE_MEMORY_MIB ?? Number.POSITIVE_INFINITY);
setInterval(() => {
  if (process.memoryUsage.rss() > memoryMib * MIB) fail(new Problem('OUT_OF_MEMORY', `The engine needed more than ${memoryMib} MiB`));
  else send({ kind: 'heartbeat' });
}, HEARTBEAT_MS);
send({ kind: 'heartbeat' });

// Compiling the frames' schemas takes a third of the time of loading TensorFlow, so it happens meanwhile; messages wait for it in their order.
const frames = import('../worker/frames.ts');
thread.on('message', async (message) => {
  try {
    send((await frames).readEngineFrame(message));
  } catch (error) {
    fail(error);
  }
});
process.on('message', async (message) => {
  try {
    const frame = (await frames).readSupervisorFrame(message);
    if (frame.kind === 'cancel') Atomics.store(flag, 0, CANCEL);
    // A cancel stands, whatever was asked for beside it.
    else if (frame.kind === 'pause') Atomics.compareExchange(flag, 0, NOTHING, PAUSE);
    else {
      // One that came before was meant for the prediction before.
      if (frame.kind === 'predict') Atomics.store(flag, 0, NOTHING);
      thread.postMessage(frame);
    }
  } catch (error) {
    fail(error);
  }
});
if (!process.connected) die();

function readDevice(): ThreadData['device'] {
  const device = process.env.ESPALIER_ENGINE_DEVICE;
  if (device === 'auto' || device === 'cpu' || device === 'gpu') return device;
  throw new Error(`ESPALIER_ENGINE_DEVICE is '${device}'; it may be auto, cpu or gpu`);
}

function send(frame: EngineFrame, sent?: () => void): void {
  // A failed write means that the channel is closing; `disconnect` follows and ends the process.
  if (process.connected) process.send?.(frame, undefined, undefined, () => sent?.());
}

/** Reports a fault of the engine itself and ends the process. The first fault counts: what follows from it says less. */
function fail(error: unknown): void {
  if (failed) return;
  failed = true;
  console.error(error);
  send(failureFrame(error), die);
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}
