import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { isFull } from '../errors.ts';

/** As long as a worker waits for room of its own. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Writes a file of these parts, on disk where it is `synced`. While the disk is full it tries again with growing pauses, for a minute at the longest: what a
 * job worked for is not thrown away at once.
 */
export function writeWithRoom(path: string, parts: () => Iterable<Uint8Array>, { synced = false } = {}): void {
  withRoom(() => {
    const file = openSync(path, 'w');
    try {
      for (const part of parts()) for (let at = 0; at < part.length; ) at += writeSync(file, part, at);
      if (synced) fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Does what writes until there is room for it, or `forMs` are over. */
export function withRoom(write: () => void, forMs = PATIENCE_MS): void {
  const begun = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      write();
      return;
    } catch (error) {
      if (!isFull(error) || performance.now() - begun + pauseMs > forMs) throw error;
      console.error(`No space is left to write on; trying again in ${pauseMs} ms`);
    }
    // Of the engine's thread; that the process lives is said by another.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs);
  }
}
