type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Whole numbers, as many as come, in as few bytes as they need. */
export interface Growing<Values extends Numbers> {
  push(value: number): void;
  /** Those so far, in a view that the next push may outgrow. */
  values(): Values;
}

/** Numbers in an array that doubles when it is full; `Values` is its type. */
export function growing<Values extends Numbers>(Values: new (length: number) => Values): Growing<Values> {
  let array = new Values(1024);
  let length = 0;
  return {
    push(value) {
      if (length === array.length) {
        const larger = new Values(2 * length);
        larger.set(array);
        array = larger;
      }
      array[length] = value;
      length += 1;
    },
    values: () => array.subarray(0, length) as Values,
  };
}
