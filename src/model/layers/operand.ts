/** What operations are called on: tensors of the model, numbers, and what Keras writes for slices and arrays. */

/** An array that stands in the config. */
export interface Constant {
  shape: readonly number[];
  values: readonly number[];
}

export type Operand =
  | null
  | boolean
  | number
  | string
  /** The call's input of this index. */
  | { tensor: number }
  | { constant: Constant }
  /** Python's start, stop and step. */
  | { range: readonly [number | null, number | null, number | null] }
  | { ellipsis: true }
  | readonly Operand[];

/** Whether the operand is one of the call's inputs. */
export const isTensorOperand = (operand: Operand | undefined): operand is { tensor: number } =>
  typeof operand === 'object' && operand !== null && 'tensor' in operand;

/** Whether the operand is an array. */
export const isConstant = (operand: Operand | undefined): operand is { constant: Constant } =>
  typeof operand === 'object' && operand !== null && 'constant' in operand;

/** A nested list of numbers or flags as an array. Throws an Error where it is none. */
export function constantOf(value: unknown): Constant {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values: number[] = [];
  const collect = (item: unknown, axis: number): void => {
    if (axis < shape.length) {
      if (!Array.isArray(item) || item.length !== shape[axis]) throw new Error('an array of the config is ragged');
      for (const entry of item) collect(entry, axis + 1);
    } else if (typeof item === 'number' || typeof item === 'boolean') values.push(Number(item));
    else throw new Error(`an array of the config holds ${JSON.stringify(item)}`);
  };
  collect(value, 0);
  return { shape, values };
}
