/** The blob keys of an attempt. Every attempt has its own, so that what one writes never lies where another reads. */
export interface AttemptKeys {
  segment(firstRow: number, lastRow: number): string;
  /** The n-th of the attempt, of this step. */
  checkpoint(n: number, step: number): string;
  model(id: string): string;
  artifact(id: string): string;
}

/** The attempt that a key is of; null where it is not an attempt's. */
export function attemptOfKey(key: string): { job_id: string; n: number } | null {
  const match = /^jobs\/([^/]+)\/(\d+)\//.exec(key);
  return match ? { job_id: match[1]!, n: Number(match[2]) } : null;
}

export function attemptKeys(jobId: string, attempt: number): AttemptKeys {
  const root = `jobs/${jobId}/${attempt}`;
  return {
    segment: (firstRow, lastRow) => `${root}/series/${firstRow}-${lastRow}`,
    checkpoint: (n, step) => `${root}/checkpoints/${n}-${step}`,
    model: (id) => `${root}/models/${id}`,
    artifact: (id) => `${root}/artifacts/${id}`,
  };
}
