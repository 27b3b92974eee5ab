/** Which criteria, structures and scopes go together: every cell that is here works, and the rest is refused. */
import { type Criterion, type Pruning, type Scope, type Structure, ZEROS } from '../jobs/spec/index.ts';

export type CriterionName = Criterion['type'];
export type StructureName = Structure['type'];
/** A scope that is in force. */
export type ResolvedScope = Exclude<Scope, 'auto'>;

const ALL = [...ZEROS, 'channels'] as const;

/** The structures of each criterion. */
export const STRUCTURES: Record<CriterionName, readonly StructureName[]> = {
  magnitude: [...ALL, 'depth', 'low_rank'],
  lamp: ['unstructured'],
  fpgm: ['channels'],
  batchnorm_scale: ['channels'],
  activation_mean: ['channels'],
  activation_variance: ['channels'],
  apoz: ['channels'],
  reconstruction: ['channels', 'depth'],
  wanda: ZEROS,
  input_activity: ['channels'],
  gradient: [...ALL, 'depth'],
  taylor: [...ALL, 'depth'],
  snip: [...ALL, 'depth'],
  fisher: [...ALL, 'depth'],
  grasp: ZEROS,
  synflow: ZEROS,
  sparsegpt: ZEROS,
  woodfisher: ['unstructured', 'block'],
  movement: ALL,
  random: [...ALL, 'depth', 'low_rank'],
  planned: ALL,
};

/** The criteria of a structure. */
export function criteriaOf(structure: StructureName): CriterionName[] {
  return (Object.keys(STRUCTURES) as CriterionName[]).filter((name) => STRUCTURES[name].includes(structure));
}

/** The scopes of a criterion and a structure that go together; the first is `auto`. */
export function scopesOf(criterion: CriterionName, structure: StructureName): readonly ResolvedScope[] {
  if (structure === 'channels') return ['global', 'layer', 'isomorphic'];
  if (structure === 'depth') return ['global'];
  if (structure === 'low_rank') return ['global', 'layer'];
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
