/** What a job of the type `sensitivity` asks of its model and data. */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { JobWarning } from '../ledger/ledger.ts';
import { groupsToCut, kernelsToCut } from '../pruning/candidates.ts';
import { type CriterionName, criteriaOf, STRUCTURES } from '../pruning/cells.ts';
import { channelMap } from '../pruning/groups.ts';
import { countsAt } from '../pruning/sensitivity.ts';
import { fillDefaults } from '../schema.ts';
import { checkLogits, warnOfLoss } from './check-compiled-loss.ts';
import { resolveLoss } from './check-loss.ts';
import type { CheckedModel } from './check-training.ts';
import { graphOf } from './models-at-samples.ts';
import { refuse } from './refuse.ts';
import { resolveLayers } from './resolve-layers.ts';
import { type SensitivitySpec, Structure, TRIED_STRUCTURES, type TriedStructure } from './spec/index.ts';

/** Criteria that say nothing of a model. */
const WITHOUT_SCORES: readonly CriterionName[] = ['planned'];

/**
 * The specification with its structures, layers, loss and split named; `warn` is told what is left out.
 * Throws Problem INCOMPATIBLE_OPTIONS, UNKNOWN_LAYER, NOTHING_TO_PRUNE, MODEL_DATASET_MISMATCH.
 */
export async function checkSensitivity(
  spec: SensitivitySpec,
  model: CheckedModel,
  dataset: DatasetFacts,
  warn: (warning: JobWarning) => void,
): Promise<SensitivitySpec> {
  const { criterion } = spec;
  const structures = structuresOf(spec);
  const { include, exclude } = resolveLayers({ ...spec.layers, overrides: {} }, model.facts, '/layers');
  const layers = { ...(include ? { include } : {}), exclude };
  const split = spec.split ?? (dataset.splits.selection > 0 ? 'selection' : 'train');
  if (dataset.splits[split] === 0) {
    refuse('INCOMPATIBLE_OPTIONS', '/split', `The data set has no samples in its ${split} split. Accepted: train.`, split);
  }
  const graph = await graphOf(model);
  const found = structures.map((structure) => {
    const asked = {
      criterion,
      structure: fillDefaults(Structure, { type: structure }),
      scope: 'layer' as const,
      layers: { ...layers, overrides: {} },
    };
    const { leftOut, counts } =
      structure === 'channels' ? groups(groupsToCut(channelMap(graph), asked)) : kernels(kernelsToCut(graph, asked));
    if (leftOut.length > 0) {
      const shown = leftOut.map(({ name, reason }) => `${name} (${reason})`).join('; ');
      warn({
        code: structure === 'channels' ? 'GROUPS_LEFT_OUT' : 'KERNELS_LEFT_OUT',
        detail: `Not tried by ${criterion.type}: ${shown}.`,
      });
    }
    return { structure, levels: counts.flatMap((count) => countsAt(spec.ratios, count)).length };
  });
  const tried = found.filter(({ levels }) => levels > 0).map(({ structure }) => structure);
  if (tried.length === 0 || (spec.structures !== null && tried.length < structures.length)) {
    const empty = structures.filter((structure) => !tried.includes(structure));
    const detail = `No layer or group can be cut at these ratios by ${criterion.type}, ${empty.join(', ')}: all are left out, or too small for every ratio.`;
    refuse('NOTHING_TO_PRUNE', '/structures', detail, spec.structures);
  }
  const loss = resolveLoss(spec.loss, '/loss', model.facts, dataset);
  warnOfLoss(spec.loss, loss, model.facts, warn);
  await checkLogits(spec.loss, loss, '/loss', model, warn);
  return { ...spec, structures: tried, layers, split, loss };
}

function structuresOf({ criterion: { type }, structures }: SensitivitySpec): TriedStructure[] {
  const possible = WITHOUT_SCORES.includes(type) ? [] : TRIED_STRUCTURES.filter((structure) => STRUCTURES[type].includes(structure));
  const accepted = TRIED_STRUCTURES.map(
    (structure) =>
      `${structure} takes ${criteriaOf(structure)
        .filter((name) => !WITHOUT_SCORES.includes(name))
        .join(', ')}`,
  ).join('; ');
  if (possible.length === 0) {
    const detail = `${type} scores nothing of a model. Accepted: ${accepted}.`;
    refuse('INCOMPATIBLE_OPTIONS', '/criterion/type', detail, type);
  }
  const stray = structures?.find((structure) => !possible.includes(structure));
  if (stray) refuse('INCOMPATIBLE_OPTIONS', '/structures', `${type} takes ${possible.join(' and ')}. ${accepted}.`, stray);
  return structures ?? possible;
}

function groups({ groups: own, leftOut }: ReturnType<typeof groupsToCut>) {
  return { leftOut, counts: own.map(({ units }) => units.length) };
}

function kernels({ kernels: own, leftOut }: ReturnType<typeof kernelsToCut>) {
  return { leftOut, counts: own.map(({ count }) => count) };
}
