/** Which criteria, structures and scopes go together: every cell that is here works, and the rest is refused. */
import type { Criterion, Pruning, Scope, Structure } from '../jobs/spec/index.ts';

export type CriterionName = Criterion['type'];
export type StructureName = Structure['type'];
/** A scope that is in force. */
export type ResolvedScope = Exclude<Scope, 'auto'>;

const ZEROS = ['unstructured', 'n_m', 'block'] as const;
const ALL = [...ZEROS, 'channels'] as const;

/** The structures of each criterion. */
export const STRUCTURES: Record<CriterionName, readonly StructureName[]> = {
  magnitude: ALL,
  lamp: ['unstructured'],
  fpgm: ['channels'],
  batchnorm_scale: ['channels'],
  activation_mean: ['channels'],
  activation_variance: ['channels'],
  apoz: ['channels'],
  reconstruction: ['channels'],
  wanda: ZEROS,
  input_activity: ['channels'],
  gradient: ALL,
  taylor: ALL,
  snip: ALL,
  fisher: ALL,
  grasp: ZEROS,
  synflow: ZEROS,
  sparsegpt: ZEROS,
  woodfisher: ['unstructured', 'block'],
  movement: ALL,
  random: ALL,
  planned: ALL,
};

/** The criteria of a structure. */
export function criteriaOf(structure: StructureName): CriterionName[] {
  return (Object.keys(STRUCTURES) as CriterionName[]).filter((name) => STRUCTURES[name].includes(structure));
}

/** The scopes of a criterion and a structure that go together; the first is `auto`. */
export function scopesOf(criterion: CriterionName, structure: StructureName): readonly ResolvedScope[] {
  if (structure === 'channels') return ['global', 'layer', 'isomorphic'];
  // The pattern says what every output unit gives.
  if (structure === 'n_m') return ['layer'];
  if (criterion === 'lamp') return ['global'];
  if (criterion === 'wanda' || criterion === 'sparsegpt') return ['layer', 'erk'];
  return ['global', 'layer', 'erk'];
}

/** The scope in force. */
export function scopeOf({ scope, criterion, structure }: Pick<Pruning, 'scope' | 'criterion' | 'structure'>): ResolvedScope {
  return scope === 'auto' ? scopesOf(criterion.type, structure.type)[0]! : scope;
}
