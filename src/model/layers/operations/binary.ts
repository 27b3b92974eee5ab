/** Operations on two tensors, a tensor and a number, or a tensor and an array, element by element. */

import { addOperation } from '../add-operation.ts';
import { arithmetic, coupleUnfollowed } from '../arithmetic.ts';
import { divideOperation } from '../divide-operation.ts';
import type { LayerClass } from '../layer-class.ts';
import { multiplyOperation } from '../multiply-operation.ts';
import { subtractOperation } from '../subtract-operation.ts';

/** What makes something of two zeros, so that a channel that is gone would show. */
const unfollowed = arithmetic(['x1', 'x2'], (_options, coupling) => coupleUnfollowed(coupling, 'this operation on two operands'));

/** Operations on two operands by Keras' names. */
export const BINARY = {
  'ops.Add': addOperation,
  'ops.Arctan2': unfollowed,
  'ops.Divide': divideOperation,
  'ops.DivideNoNan': divideOperation,
  'ops.FloorDivide': divideOperation,
  'ops.Maximum': arithmetic(),
  'ops.Minimum': arithmetic(),
  'ops.Mod': divideOperation,
  'ops.Multiply': multiplyOperation,
  'ops.Power': unfollowed,
  'ops.Subtract': subtractOperation,
  'ops.TrueDivide': divideOperation,
} as const satisfies Record<string, LayerClass>;
