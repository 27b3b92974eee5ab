/** The thread that reads shards into shared memory while the thread that asked for them computes. Started by `shard-ring.ts`. */
import { openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { FAILED, READY, type ReaderData, type WindowRequest } from './shard-ring.ts';
import { readFully } from './stored-file.ts';

if (!parentPort) throw new Error('shard-reader.ts runs in a worker thread');
const { paths, memory, control, failures } = workerData as ReaderData;
const files = new Map(Object.entries(paths).map(([name, path]) => [name, openSync(path, 'r')]));
const states = new Int32Array(control);

parentPort.on('message', ({ slot, stretches }: WindowRequest) => {
  let state = READY;
  try {
    for (const { file, position, offset, length } of stretches) {
      readFully(files.get(file)!, new Uint8Array(memory, offset, length), position);
    }
  } catch (error) {
    failures.postMessage((error as Error).message);
    state = FAILED;
  }
  Atomics.store(states, slot, state);
  Atomics.notify(states, slot);
});
