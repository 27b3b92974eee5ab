import { createHash } from 'node:crypto';
import { isAccuracyTarget, type JobSpec } from './spec/index.ts';

/** Under which a job finds, and leaves, what its model's groups bear: everything that the measurement depends on but the model. Null where it takes none. */
export function sensitivityKey(spec: JobSpec): string | null {
  if (spec.type !== 'prune' || !isAccuracyTarget(spec.pruning.target)) return null;
  const { criterion, structure, layers } = spec.pruning;
  const asked = {
    version: VERSION,
    dataset: spec.dataset_id,
    seed: spec.seed,
    loss: spec.fine_tuning?.loss ?? null,
    criterion,
    structure: structure.type,
    include: layers.include ?? null,
    exclude: layers.exclude,
    named: Object.keys(layers.overrides),
  };
  return createHash('sha256').update(JSON.stringify(asked, sorted)).digest('hex');
}

/** Grows when what is measured, or how, changes. */
const VERSION = 1;

/** The order of fields says nothing. */
function sorted(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
