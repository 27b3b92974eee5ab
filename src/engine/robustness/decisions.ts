/** The classes that logits [batch · classes] decide for, int32 [batch]: the largest, or of one logit whether it is above 0; -1 where one is not a number. */
export function decisionsOf(logits: Float32Array, batch: number): Int32Array {
  const classes = logits.length / batch;
  return Int32Array.from({ length: batch }, (_, sample) => {
    const row = logits.subarray(sample * classes, (sample + 1) * classes);
    if (row.some(Number.isNaN)) return -1;
    if (classes === 1) return row[0]! > 0 ? 1 : 0;
    return row.reduce((best, value, at) => (value > row[best]! ? at : best), 0);
  });
}
