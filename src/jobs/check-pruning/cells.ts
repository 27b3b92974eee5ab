/** Criterion, structure and scope of a prune job, which do not all go together. */
import { criteriaOf, STRUCTURES, scopesOf } from '../../pruning/cells.ts';
import { refuse } from '../refuse.ts';
import type { Pruning } from '../spec/index.ts';

/** Throws Problem INCOMPATIBLE_OPTIONS, which names what would go together. */
export function checkCells({ criterion, structure, scope, target }: Pruning): void {
  if (!STRUCTURES[criterion.type].includes(structure.type)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/criterion/type',
      `${criterion.type} takes the structures ${STRUCTURES[criterion.type].join(', ')}; ${structure.type} takes the criteria ${criteriaOf(structure.type).join(', ')}.`,
      criterion.type,
    );
  }
  const scopes = scopesOf(criterion.type, structure.type);
  if (scope !== 'auto' && !scopes.includes(scope)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/scope',
      `${criterion.type} with the structure ${structure.type} takes the scopes auto, ${scopes.join(', ')}.`,
      scope,
    );
  }
  if (structure.type === 'n_m') checkPattern(structure, target);
}

function checkPattern({ n, m }: { n: number; m: number }, target: Pruning['target']): void {
  if (n >= m) refuse('INCOMPATIBLE_OPTIONS', '/pruning/structure/n', `n weights stay of every m: n must be below ${m}.`, n);
  if ('sparsity' in target && Math.abs(target.sparsity - (1 - n / m)) > 1e-6) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target/sparsity',
      `${n} of ${m} is a sparsity of ${1 - n / m}; the target must say the same.`,
      target.sparsity,
    );
  }
}
