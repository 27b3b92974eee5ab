/** The blob keys of an attempt. Every attempt has its own, so that what one writes never lies where another reads. */
export interface AttemptKeys {
  segment(firstRow: number, lastRow: number): string;
  checkpoint(step: number): string;
  model(id: string): string;
  artifact(id: string): string;
}

export function attemptKeys(jobId: string, attempt: number): AttemptKeys {
  const root = `jobs/${jobId}/${attempt}`;
  return {
    segment: (firstRow, lastRow) => `${root}/series/${firstRow}-${lastRow}`,
    checkpoint: (step) => `${root}/checkpoints/${step}`,
    model: (id) => `${root}/models/${id}`,
    artifact: (id) => `${root}/artifacts/${id}`,
  };
}
