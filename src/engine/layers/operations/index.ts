/** The execution of every operation in `model/layers/operations`; a missing one does not compile. */
import type { OperationName } from '../../../model/layers/operations/index.ts';
import type { Execution } from '../execution.ts';
import { alongAxis } from './along-axis.ts';
import { binaryOperations } from './binary.ts';
import { cast } from './cast.ts';
import { comparisons } from './comparison.ts';
import { elementwiseOperations } from './elementwise.ts';
import { imageOperations } from './images.ts';
import { products } from './products.ts';
import { reductions } from './reduction.ts';
import { shapingOperations } from './shaping.ts';

export const OPERATION_EXECUTIONS: Record<OperationName, Execution> = {
  ...binaryOperations,
  ...elementwiseOperations,
  ...comparisons,
  'ops.Cast': cast,
  'ops.ConvertToTensor': cast,
  ...reductions,
  ...shapingOperations,
  ...products,
  ...alongAxis,
  ...imageOperations,
};
