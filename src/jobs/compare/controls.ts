/** What candidates are held against. */
import { type CriterionName, STRUCTURES, scopesOf } from '../../pruning/cells.ts';
import { type Candidate, type Clipping, measureOf, type Pruning } from '../spec/index.ts';

const RANDOM: CriterionName = 'random';
const UNCLIPPED: Clipping = { type: 'none' };

/** Whether a candidate is what others are held against: pruning that does not look at the model, training that does not clip. */
export function isControl(candidate: Candidate): boolean {
  return candidate.type === 'prune' ? candidate.pruning.criterion.type === RANDOM : candidate.training?.clipping.type === 'none';
}

/**
 * The controls that are missing among candidates of one type, each as one or the other candidate is made, in their order: for pruning one of the criterion
 * `random` for each structure, for training an unclipped one where some clip. Trainings are resolved. A control has no candidate to be made as where all are
 * plans whose targets ask for nothing.
 */
export function missingControls(candidates: readonly Candidate[]): Candidate[][] {
  const taken = new Set(candidates.map(({ name }) => name));
  const free = (wanted: string): string => {
    let name = wanted;
    for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
    taken.add(name);
    return name;
  };
  const trained = candidates.filter((candidate) => candidate.type === 'train');
  if (trained.length > 0) {
    if (trained.some(isControl) || trained.every(({ training }) => !training)) return [];
    const name = free('unclipped');
    return [trained.map((candidate) => ({ ...candidate, name, training: { ...candidate.training!, clipping: UNCLIPPED } }))];
  }
  const byStructure = Map.groupBy(
    candidates.filter((candidate) => candidate.type === 'prune'),
    ({ pruning }) => pruning.structure.type,
  );
  return [...byStructure]
    .filter(([structure, alike]) => !alike.some(isControl) && STRUCTURES[RANDOM].includes(structure))
    .map(([structure, alike]) => {
      const name = free(byStructure.size === 1 ? RANDOM : `${RANDOM}-${structure.replaceAll('_', '-')}`);
      const scopes: readonly string[] = scopesOf(RANDOM, structure);
      return alike
        .filter(({ pruning }) => !pruning.plan || asks(pruning))
        .map(({ pruning, ...candidate }): Candidate => {
          const scope = scopes.includes(pruning.scope) ? pruning.scope : 'auto';
          return { ...candidate, name, pruning: { ...pruning, plan: null, criterion: { type: 'random' }, scope } };
        });
    });
}

/** Whether anything has to go for the target. */
function asks({ target }: Pruning): boolean {
  if ('max_accuracy_drop' in target) return true;
  const { measure, value } = measureOf(target);
  return measure === 'sparsity' ? value > 0 : value < 1;
}
