/** The jobs that a comparison is made of. */
import { createHash } from 'node:crypto';
import type { JobRow } from '../../ledger/ledger.ts';
import { fillDefaults } from '../../schema.ts';
import { type Candidate, type CompareSpec, JobSpec, type MakingSpec } from '../spec/index.ts';

/** Labels that a job has. */
const MOST_LABELS = 16;

/** The specification of a candidate under a seed: that of an ordinary job. */
export function childSpec(spec: CompareSpec, candidate: Candidate, seed: number): MakingSpec {
  const { model_id, dataset_id, max_runtime_s, device, evaluation, output } = spec;
  const { name, type, packing } = candidate;
  const known = Object.keys(spec.metadata).length;
  const metadata = known + 1 > MOST_LABELS ? spec.metadata : { ...spec.metadata, candidate: name };
  const common = { model_id, dataset_id, seed, max_runtime_s, device, metadata, evaluation, output, webhook: null, packing };
  const own =
    candidate.type === 'train'
      ? { training: trainingOf(spec, candidate) }
      : {
          recipe: candidate.recipe,
          target: candidate.target,
          pruning: candidate.pruning,
          fine_tuning: candidate.fine_tuning ?? spec.fine_tuning,
        };
  return fillDefaults(JobSpec, { type, ...common, ...own }) as MakingSpec;
}

function trainingOf({ training }: CompareSpec, { training: own, clipping }: Extract<Candidate, { type: 'train' }>) {
  const chosen = own ?? training;
  return chosen && clipping ? { ...chosen, clipping } : chosen;
}

/** Crockford's digits, of which ids are made. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Of an id: the time, before what tells it from others of that time. */
const TIME = 'job_'.length + 10;
const RANDOM = 16;

/** The id of a child, which follows from its parent: made again, it is the same job. It sorts beside its parent. */
export function childId(parent: string, candidate: string, seed: number): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([parent, candidate, seed]))
    .digest();
  return parent.slice(0, TIME) + Array.from({ length: RANDOM }, (_, at) => DIGITS[hash[at]! % DIGITS.length]!).join('');
}

/** Which candidate and seed a child is of, by its id; in the order in which they are queued: seed by seed, so that all candidates come on together. */
export function childrenOf(parent: string, { candidates, seeds }: CompareSpec): Map<string, { candidate: Candidate; seed: number }> {
  return new Map(
    seeds.flatMap((seed) => candidates.map((candidate) => [childId(parent, candidate.name, seed), { candidate, seed }] as const)),
  );
}

/** The rows of all children of a comparison whose specification is resolved. */
export function childRows(parent: JobRow, spec: CompareSpec): JobRow[] {
  return [...childrenOf(parent.id, spec)].map(([id, { candidate, seed }]): JobRow => {
    const own = childSpec(spec, candidate, seed);
    return { ...parent, id, type: own.type, spec: own, status: 'queued', warnings: [], parent_job_id: parent.id };
  });
}
