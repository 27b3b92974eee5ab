import type { JobSpec, Pruning } from './spec/index.ts';

/** The specification with what it leaves to the lineage of its model named: survivors that are to go back to nothing in particular go back to the model's parent. */
export function resolveLineage(spec: JobSpec, parent: string | null): JobSpec {
  if (parent === null) return spec;
  if (spec.type === 'prune') return { ...spec, pruning: rewoundTo(spec.pruning, parent) };
  if (spec.type !== 'compare') return spec;
  const candidates = spec.candidates.map((candidate) =>
    candidate.type === 'prune' ? { ...candidate, pruning: rewoundTo(candidate.pruning, parent) } : candidate,
  );
  return { ...spec, candidates };
}

function rewoundTo(pruning: Pruning, parent: string): Pruning {
  const { schedule } = pruning;
  if (schedule.type !== 'rewind' || schedule.rewind_to !== null) return pruning;
  return { ...pruning, schedule: { ...schedule, rewind_to: { model_id: parent } } };
}
