import { createHash } from 'node:crypto';
import { GUIDING } from '../pruning/sensitivity.ts';
import { type Criterion, guidingStructure, type JobSpec, type LayerSelection, type LossName, type TriedStructure } from './spec/index.ts';

/** Everything that a measurement depends on but the model and the ratios: what is known of some of them is added to. */
interface Measured {
  dataset: string;
  seed: number;
  loss: { name: LossName | null; label_smoothing: number; huber_delta: number };
  criterion: Criterion;
  include: string[] | null;
  exclude: string[];
  /** Layers that count as included by name. */
  named: string[];
  split: 'train' | 'selection';
  samples: number;
}

/** Under which a job finds, and leaves, what its model's groups bear, by structure. Empty where it takes none. */
export function sensitivityKeys(spec: JobSpec): Map<TriedStructure, string> {
  if (spec.type === 'sensitivity') {
    const { structures, layers, split, samples, criterion } = spec;
    const measured: Measured = {
      dataset: spec.dataset_id,
      seed: spec.seed,
      loss: { name: spec.loss, label_smoothing: 0, huber_delta: 1 },
      criterion,
      ...layersOf({ ...layers, overrides: {} }),
      split: split!,
      samples,
    };
    return new Map(structures!.map((structure) => [structure, keyOf(structure, measured)]));
  }
  const structure = spec.type === 'prune' ? guidingStructure(spec.pruning) : null;
  if (spec.type !== 'prune' || structure === null) return new Map();
  const { criterion, layers } = spec.pruning;
  const { loss = null, label_smoothing = 0, huber_delta = 1 } = spec.fine_tuning ?? {};
  const measured: Measured = {
    dataset: spec.dataset_id,
    seed: spec.seed,
    loss: { name: loss, label_smoothing, huber_delta },
    criterion,
    ...layersOf(layers),
    ...GUIDING,
  };
  return new Map([[structure, keyOf(structure, measured)]]);
}

function layersOf({ include = undefined, exclude, overrides }: LayerSelection): Pick<Measured, 'include' | 'exclude' | 'named'> {
  return { include: include ?? null, exclude, named: Object.keys(overrides) };
}

/** Grows when what is measured, or how, changes. */
const VERSION = 3;

function keyOf(structure: TriedStructure, measured: Measured): string {
  const asked = { version: VERSION, structure, ...measured };
  return createHash('sha256').update(JSON.stringify(asked, sorted)).digest('hex');
}

/** The order of fields says nothing. */
function sorted(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
