/** What a job of the type `compare` asks: every child as it would be posted by itself, and all of them within one budget. */
import { isDeepStrictEqual } from 'node:util';
import type { DatasetFacts } from '../dataset/facts.ts';
import { Problem } from '../errors.ts';
import type { JobWarning } from '../ledger/ledger.ts';
import type { FurtherModels } from './check-distillation.ts';
import type { CheckedModel } from './check-training.ts';
import { atCandidate } from './compare/at-candidate.ts';
import { childSpec } from './compare/children.ts';
import { missingControls } from './compare/controls.ts';
import { refuse } from './refuse.ts';
import { type Candidate, type CompareSpec, type JobSpec, type MakingSpec, MOST_CHILDREN } from './spec/index.ts';

type Check = (
  spec: JobSpec,
  model: CheckedModel,
  dataset: DatasetFacts,
  further: FurtherModels,
) => Promise<{ spec: JobSpec; warnings: JobWarning[] }>;

/**
 * The specification with every candidate resolved, and with the controls that it is held against. `check` resolves one child. Throws Problem: what a child is
 * refused with, at the candidate's place, and INCOMPATIBLE_OPTIONS.
 */
export async function checkCompare(
  spec: CompareSpec,
  model: CheckedModel,
  dataset: DatasetFacts,
  further: FurtherModels,
  { check, warn }: { check: Check; warn: (warning: JobWarning) => void },
): Promise<CompareSpec> {
  checkCandidates(spec);
  if (dataset.splits.selection === 0) {
    const detail = 'Candidates are ranked on the selection split, and the data set has none. Accepted: a data set with a selection split.';
    refuse('MODEL_DATASET_MISMATCH', '/dataset_id', detail, dataset.splits);
  }
  const resolve = async (candidate: Candidate, index: number): Promise<Resolved> => {
    const checked = await check(childSpec(spec, candidate, spec.seeds[0]!), model, dataset, further).catch((error) => {
      throw atCandidate(error, candidate, index);
    });
    for (const { code, detail } of checked.warnings) warn({ code, detail: `${candidate.name}: ${detail}` });
    const child = checked.spec as MakingSpec;
    const { name } = candidate;
    if (child.type === 'train') {
      return { child, candidate: { type: 'train', name, clipping: null, training: child.training, packing: child.packing } };
    }
    const { recipe, target, pruning, fine_tuning, packing } = child;
    return { child, candidate: { type: 'prune', name, recipe, target, pruning, fine_tuning, packing } };
  };
  const resolved: Resolved[] = [];
  for (const [index, candidate] of spec.candidates.entries()) resolved.push(await resolve(candidate, index));
  checkAlike(
    spec,
    resolved.map(({ child }) => child),
  );
  // Of pruning as it was asked for: what makes up for a cut is resolved by the criterion.
  const asked = resolved.map(({ candidate }, index) => (candidate.type === 'train' ? candidate : spec.candidates[index]!));
  for (const possible of missingControls(asked)) {
    const control = await firstAccepted(possible, (candidate) => resolve(candidate, resolved.length));
    if (control instanceof Problem)
      warn({ code: 'CONTROL_LEFT_OUT', detail: `No candidate could be made as a control: ${control.message}` });
    else resolved.push(control);
  }
  const candidates = resolved.map(({ candidate }) => candidate);
  if (candidates.length * spec.seeds.length > MOST_CHILDREN) {
    const detail = `${candidates.length} candidates, controls among them, under ${spec.seeds.length} seeds are ${candidates.length * spec.seeds.length} jobs; ${MOST_CHILDREN} at most.`;
    refuse('INCOMPATIBLE_OPTIONS', '/candidates', detail, candidates.length);
  }
  return { ...spec, output: resolved[0]!.child.output, candidates };
}

interface Resolved {
  candidate: Candidate;
  child: MakingSpec;
}

/** The first that is accepted, or what the last was refused with. */
async function firstAccepted(
  candidates: readonly Candidate[],
  resolve: (candidate: Candidate) => Promise<Resolved>,
): Promise<Resolved | Problem> {
  let refusal: unknown = new Problem('INCOMPATIBLE_OPTIONS', 'the plans have no target that random pruning could be held to');
  for (const candidate of candidates) {
    try {
      return await resolve(candidate);
    } catch (error) {
      refusal = error;
    }
  }
  if (refusal instanceof Problem) return refusal;
  throw refusal;
}

function checkCandidates({ candidates, training, fine_tuning: fineTuning }: CompareSpec): void {
  const [first] = candidates;
  for (const [index, candidate] of candidates.entries()) {
    const at = `/candidates/${index}`;
    if (candidate.type !== first!.type) {
      refuse(
        'INCOMPATIBLE_OPTIONS',
        `${at}/type`,
        `The candidates of a comparison are all of one type; the first is ${first!.type}.`,
        candidate.type,
      );
    }
    const same = candidates.findIndex(({ name }) => name === candidate.name);
    if (same < index) refuse('INCOMPATIBLE_OPTIONS', `${at}/name`, `Candidate ${same} has this name.`, candidate.name);
    if (candidate.type === 'train') {
      if (!candidate.training && !training) {
        const detail = 'The candidate says no training, and the comparison none for all of them.';
        refuse('INCOMPATIBLE_OPTIONS', `${at}/training`, detail, null);
      }
      continue;
    }
    if (candidate.pruning.plan_only) {
      const detail = 'Candidates are compared by the models that they make, and a plan makes none. Accepted: plan, with one that is there.';
      refuse('INCOMPATIBLE_OPTIONS', `${at}/pruning/plan_only`, detail, true);
    }
  }
  if (first!.type === 'prune' && training) {
    refuse('INCOMPATIBLE_OPTIONS', '/training', 'Candidates of the type prune are trained as fine_tuning says. Accepted: null.', training);
  }
  if (first!.type === 'train' && fineTuning) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/fine_tuning',
      'Candidates of the type train are trained as training says. Accepted: null.',
      fineTuning,
    );
  }
}

/** Equal budgets: one target, and as many steps of training. Throws Problem INCOMPATIBLE_OPTIONS. */
function checkAlike({ unequal }: CompareSpec, children: readonly MakingSpec[]): void {
  if (unequal) return;
  const budget = (child: MakingSpec) => {
    const training = child.type === 'train' ? child.training : child.fine_tuning!;
    // What a recipe removes follows from its budget.
    const { recipe = null, target } = child.type === 'prune' ? child : {};
    return {
      ...(child.type === 'prune' ? { recipe, ...(recipe ? { target } : { 'pruning/target': child.pruning.target }) } : {}),
      [`${child.type === 'train' ? 'training' : 'fine_tuning'}/epochs`]: training.epochs,
      [`${child.type === 'train' ? 'training' : 'fine_tuning'}/batch_size`]: training.batch_size,
    };
  };
  const first: Record<string, unknown> = budget(children[0]!);
  for (const [index, child] of children.entries()) {
    for (const [field, value] of Object.entries(budget(child))) {
      if (isDeepStrictEqual(value, first[field])) continue;
      const detail = `Candidates are compared within one budget, and the first has ${JSON.stringify(first[field])}. Accepted: the same, or "unequal": true.`;
      refuse('INCOMPATIBLE_OPTIONS', `/candidates/${index}/${field}`, detail, value);
    }
  }
}
