/** Comparisons and logic: flags, through which no channel is followed. */
import { arithmetic, coupleUnfollowed } from '../arithmetic.ts';
import type { LayerClass } from '../layer-class.ts';
import { through } from '../through.ts';

const comparison = arithmetic(['x1', 'x2'], (_options, coupling) => coupleUnfollowed(coupling, 'a comparison'));

/** Comparisons and logic by Keras' names. */
export const COMPARISONS = {
  'ops.Equal': comparison,
  'ops.Greater': comparison,
  'ops.GreaterEqual': comparison,
  'ops.Less': comparison,
  'ops.LessEqual': comparison,
  'ops.LogicalAnd': comparison,
  'ops.LogicalNot': { ...through, callTensors: ['x'], couple: (_options, coupling) => coupleUnfollowed(coupling, 'a negation') },
  'ops.LogicalOr': comparison,
  'ops.LogicalXor': comparison,
  'ops.NotEqual': comparison,
  'ops.Where': arithmetic(['condition', 'x1', 'x2'], (_options, coupling) => coupleUnfollowed(coupling, 'a choice by a condition')),
} as const satisfies Record<string, LayerClass>;
