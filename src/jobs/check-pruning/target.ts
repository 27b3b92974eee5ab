/** What a target may count of which structure. */
import type { DatasetFacts } from '../../dataset/facts.ts';
import type { ModelFacts } from '../../model/facts.ts';
import { refuse } from '../refuse.ts';
import {
  isAccuracyTarget,
  MEASURES,
  type MeasureName,
  makesZeros,
  measureOf,
  type PruneSpec,
  type Structure,
  TARGETS,
  type Target,
  type Training,
} from '../spec/index.ts';
import { OF_ACCURACY, resolveAccuracyTarget } from './accuracy-target.ts';
import { resolveSearch } from './search.ts';

const COUNTED: Record<Structure['type'], readonly MeasureName[]> = {
  unstructured: ['sparsity', 'parameters', 'bytes'],
  n_m: ['sparsity'],
  block: ['sparsity', 'parameters'],
  channels: ['parameters', 'macs', 'bytes', 'latency'],
  depth: ['parameters', 'macs', 'bytes', 'latency'],
  low_rank: ['parameters', 'macs', 'bytes', 'latency'],
};

const REMOVED = { channels: 'channels are removed', depth: 'blocks are removed', low_rank: 'kernels are factorised' };

/** The target with every field in force; `fineTuning` is the resolved one. Throws Problem INCOMPATIBLE_OPTIONS. */
export function resolveTarget(spec: PruneSpec, fineTuning: Training, facts: ModelFacts, dataset: DatasetFacts): Target {
  const { structure, target } = spec.pruning;
  const asked = TARGETS.filter((name) => name in target);
  if (asked.length !== 1) {
    const received = asked.length === 0 ? 'no measure' : asked.join(' and ');
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/target',
      `A target has one measure (${MEASURES.join(', ')}) or max_accuracy_drop; received: ${received}.`,
      target,
    );
  }
  if (isAccuracyTarget(target)) {
    if ('search' in target) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        '/pruning/target/search',
        'Within a loss of accuracy cuts are shared out by measured sensitivity. Accepted: search beside a measure.',
        target.search,
      );
    }
    return resolveAccuracyTarget(spec, target, fineTuning, facts, dataset);
  }
  const stray = OF_ACCURACY.find((name) => name in target);
  if (stray) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      `/pruning/target/${stray}`,
      `It goes with max_accuracy_drop; a target of ${asked[0]} is cut to once.`,
      (target as Record<string, unknown>)[stray],
    );
  }
  const { type } = structure;
  const { measure } = measureOf(target);
  if (COUNTED[type].includes(measure)) {
    return target.search === undefined ? target : { ...target, search: resolveSearch(target.search, spec.pruning) };
  }
  const accepted = `its target is one of ${COUNTED[type].join(', ')}`;
  const why = !makesZeros(structure)
    ? `sparsity is a fraction of zeros, and ${REMOVED[structure.type]}, not zeroed: ${accepted}.`
    : `${type === 'unstructured' ? 'unstructured pruning' : type} only makes zeros, which no runtime skips: ${accepted}. For ${measure} choose the structure channels.`;
  refuse('INCOMPATIBLE_OPTIONS', '/pruning/target', why, target);
}
