import { Problem } from '../../errors.ts';

export interface Slots {
  /** Does the work if fewer than the limit are at it; else throws TOO_MANY_REQUESTS. */
  within<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** Bounds how many uploads are taken at once: each holds a file, a disk's attention, and perhaps a thread that reads it. */
export function uploadSlots(limit: number): Slots {
  let taken = 0;
  return {
    async within(work) {
      if (taken >= limit) throw new Problem('TOO_MANY_REQUESTS', `The server takes ${limit} uploads at once`);
      taken += 1;
      try {
        return await work();
      } finally {
        taken -= 1;
      }
    },
  };
}
