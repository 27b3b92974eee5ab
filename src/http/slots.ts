import { Problem } from '../errors.ts';

/** Bounds how many do the same thing at once. */
export interface Slots {
  /** Takes a slot; what comes back gives it up. Throws TOO_MANY_REQUESTS where none is free. */
  take(): () => void;
  /** Does the work in a slot. Throws TOO_MANY_REQUESTS where none is free. */
  within<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** `what` is what the server does that many of, in the plural. */
export function openSlots(limit: number, what: string): Slots {
  let taken = 0;
  const take = (): (() => void) => {
    if (taken >= limit) throw new Problem('TOO_MANY_REQUESTS', `The server takes ${limit} ${what} at once`);
    taken += 1;
    let given = false;
    return () => {
      if (!given) taken -= 1;
      given = true;
    };
  };
  return {
    take,
    async within(work) {
      const giveUp = take();
      try {
        return await work();
      } finally {
        giveUp();
      }
    },
  };
}
