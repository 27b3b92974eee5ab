import { type IMAGES, resizingOptions } from '../../../model/layers/operations/images.ts';
import type { Execution } from '../execution.ts';
import { pooling, pooling3d } from '../pooling.ts';
import { resizing } from '../resizing.ts';

const pooled =
  (kind: 'max' | 'average'): Execution =>
  (invocation) => {
    const rank = invocation.inputs[0]!.rank - 2;
    return rank === 3 ? pooling3d(kind)(invocation) : pooling(rank as 1 | 2, kind)(invocation);
  };

export const imageOperations: Record<keyof typeof IMAGES, Execution> = {
  'ops.AveragePool': pooled('average'),
  'ops.MaxPool': pooled('max'),
  'ops.Resize': (invocation) => resizing({ ...invocation, options: resizingOptions(invocation.options) }),
};
