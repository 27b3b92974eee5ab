import type { JobSpec } from './spec/index.ts';

/** The specification with what it leaves to the lineage of its model named: survivors that are to go back to nothing in particular go back to the model's parent. */
export function resolveLineage(spec: JobSpec, parent: string | null): JobSpec {
  if (spec.type !== 'prune' || parent === null) return spec;
  const { schedule } = spec.pruning;
  if (schedule.type !== 'rewind' || schedule.rewind_to !== null) return spec;
  return { ...spec, pruning: { ...spec.pruning, schedule: { ...schedule, rewind_to: { model_id: parent } } } };
}
