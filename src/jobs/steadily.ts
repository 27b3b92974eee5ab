/**
 * How long something has stayed the same, by a clock of this process that never jumps. Times that others wrote down are compared with one another only: their
 * clocks, and this machine's, may be an hour off.
 */
export interface Watch {
  /** Milliseconds for which `name` has had this value, looked at now; 0 for one that is new. */
  unchanged(name: string, value: number): number;
  /** Forgets all but these. */
  keep(names: ReadonlySet<string>): void;
}

/** `steady` is a clock in milliseconds that only goes forward. */
export function openWatch(steady: () => number = () => performance.now()): Watch {
  const seen = new Map<string, { value: number; since: number }>();
  return {
    unchanged(name, value) {
      const now = steady();
      const known = seen.get(name);
      if (known?.value === value) return now - known.since;
      seen.set(name, { value, since: now });
      return 0;
    },

    keep(names) {
      for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
    },
  };
}
