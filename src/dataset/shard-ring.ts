/** Two windows of shared memory: one is used while a thread of its own reads the next. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { Problem } from '../errors.ts';

/** Bytes of one file, to be read into the shared memory. */
export interface Stretch {
  file: 'x' | 'y' | 'w';
  position: number;
  /** In the shared memory. */
  offset: number;
  length: number;
}

export interface WindowRequest {
  slot: number;
  stretches: Stretch[];
}

export interface ReaderData {
  paths: Record<string, string>;
  memory: SharedArrayBuffer;
  /** A state for each slot. */
  control: SharedArrayBuffer;
  /** Takes the message of a failure before its state is set. */
  failures: MessagePort;
}

export const IDLE = 0;
export const PENDING = 1;
export const READY = 2;
export const FAILED = 3;

export const SLOTS = 2;

/** A reader that says nothing for this long is gone. */
const SILENCE_MS = 600_000;

export interface ShardRing {
  memory: SharedArrayBuffer;
  /** Has the reader fill a slot; waits where it is still filling it for an earlier request. */
  request(slot: number, stretches: Stretch[]): void;
  /** Waits until the slot's last request is filled. Throws DATASET_UNREADABLE. */
  wait(slot: number): void;
  close(): void;
}

/** Starts the reader. All calls block this thread, never its messages: it need not return to its event loop. */
export function openRing(paths: Record<string, string>, slotBytes: number): ShardRing {
  const memory = new SharedArrayBuffer(SLOTS * slotBytes);
  const control = new SharedArrayBuffer(4 * SLOTS);
  const states = new Int32Array(control);
  const { port1: failed, port2: failures } = new MessageChannel();
  const workerData: ReaderData = { paths, memory, control, failures };
  const reader = new Worker(new URL('./shard-reader.ts', import.meta.url), { workerData, transferList: [failures] });
  reader.unref();
  // Its end is noticed by `wait`; an error without a listener would end this process.
  reader.on('error', () => {});
  failed.unref();

  const settle = (slot: number) => {
    if (Atomics.wait(states, slot, PENDING, SILENCE_MS) === 'timed-out') {
      throw new Problem('DATASET_UNREADABLE', `The stored data could not be read within ${SILENCE_MS / 1000} s`);
    }
  };

  return {
    memory,
    request(slot, stretches) {
      settle(slot);
      Atomics.store(states, slot, PENDING);
      reader.postMessage({ slot, stretches } satisfies WindowRequest);
    },
    wait(slot) {
      settle(slot);
      if (Atomics.load(states, slot) !== FAILED) return;
      throw new Problem('DATASET_UNREADABLE', receiveMessageOnPort(failed)?.message ?? 'A stored data file could not be read');
    },
    close() {
      failed.close();
      void reader.terminate();
    },
  };
}
