/** What a `prune` job finds out before its first cut, and keeps in its checkpoints: the times of groups, and how they share the cut. */
import type { PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { LatencyTable } from '../../pruning/latency-table.ts';
import type { SampleScores } from '../../report/scores.ts';
import { keepBetweenRuns, resumedState } from '../between-runs.ts';
import type { StoredState } from '../checkpoint.ts';
import type { TrainingRunParts } from '../run/index.ts';
import { type EvolutionState, evolve, generationSteps, searchOf } from './evolution-search.ts';
import { timeGroups, timesGroups } from './time-calls.ts';

/** Plain JSON. What was measured once is not measured again: a job that was interrupted chooses the same. */
export interface Prepared {
  table: LatencyTable | null;
  search: EvolutionState | null;
}

/** Whether anything comes before the first cut. */
export function prepares(spec: PruneSpec): boolean {
  return preparationSteps(spec) > 0;
}

/** Steps that it counts as: one for the times of groups, one a generation of a search. */
export function preparationSteps(spec: PruneSpec): number {
  return timingSteps(spec) + generationSteps(spec);
}

function timingSteps(spec: PruneSpec): number {
  return timesGroups(spec) ? 1 : 0;
}

/** Everything that is not done yet, or what had been found where the job was interrupted behind it. Throws Problem TARGET_OUT_OF_REACH, Cancelled, Paused. */
export async function prepare(
  spec: PruneSpec,
  parts: TrainingRunParts,
  { resumed, evaluated }: { resumed: StoredState | null; evaluated: ((document: ModelDocument) => SampleScores) | null },
): Promise<Prepared> {
  const { reporter, document } = parts;
  const stored = resumedState<Prepared>(resumed);
  const isOver = stored !== null && stored.run !== null;
  const timing = timingSteps(spec);
  reporter.startAt(isOver ? preparationSteps(spec) : 0);
  reporter.started(stored ? (stored.run?.step ?? timing + (stored.beside.search?.history.length ?? 0) - 1) : null);
  const state: Prepared = stored?.beside ?? { table: null, search: null };
  if (!isOver) {
    // The model is still as it was uploaded.
    const keep = (name: string): void => keepBetweenRuns(name, document, { state, arrays: new Map() }, parts);
    if (timing > 0 && !state.table) {
      state.table = timeGroups(spec, parts);
      keep('times');
    }
    if (searchOf(spec)) {
      state.search = await evolve(spec, parts, {
        resumed: state.search,
        before: timing,
        table: state.table,
        evaluated,
        keep(search) {
          state.search = search;
          keep(`generation-${search.history.length - 1}`);
        },
      });
    }
  }
  reporter.startAt(preparationSteps(spec));
  return state;
}
