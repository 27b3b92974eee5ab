/** A search of how groups share the cut: what it takes. */
import { scopeOf } from '../../pruning/cells.ts';
import { fillDefaults } from '../../schema.ts';
import { refuse } from '../refuse.ts';
import { Evolution, type Pruning, type Search } from '../spec/index.ts';

/** The search with its defaults. Throws Problem INCOMPATIBLE_OPTIONS. */
export function resolveSearch(search: Search, pruning: Pruning): Evolution {
  const { structure, schedule, plan, plan_only: planOnly } = pruning;
  const at = '/pruning/target/search';
  if (structure.type !== 'channels') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      at,
      `What groups of channels give is searched for; ${structure.type} has none. Accepted: the structure channels.`,
      search,
    );
  }
  if (schedule.type !== 'one_shot' || schedule.begin > 0) {
    const accepted = '{"type": "one_shot", "begin": 0}';
    refuse('INCOMPATIBLE_OPTIONS', '/pruning/schedule', `One cut of the uploaded model is searched for. Accepted: ${accepted}.`, schedule);
  }
  if (plan || planOnly) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      plan ? '/pruning/plan' : '/pruning/plan_only',
      plan
        ? 'A plan says what goes; there is nothing to search for.'
        : 'A search is of a job that cuts. Accepted: plan_only false, or a target without search.',
      plan ?? planOnly,
    );
  }
  if (scopeOf(pruning) === 'layer') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/scope',
      'In the scope layer every group gives the same, and there is nothing to search for. Accepted: auto, global, isomorphic.',
      pruning.scope,
    );
  }
  return search === 'evolution' ? fillDefaults(Evolution, { type: 'evolution' }) : search;
}
