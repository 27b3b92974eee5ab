/** Whether a cell says that there is no number: it is empty, or one of NA, N/A, NaN, null and ?, in any case. */
export function isMissing(cell: string): boolean {
  return /^\s*(?:|na|n\/a|nan|null|\?)\s*$/i.test(cell);
}
