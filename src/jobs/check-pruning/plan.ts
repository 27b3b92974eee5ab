/** A cut that is planned, or of which only the plan is asked for. */
import { parameterCount, totalMacs } from '../../model/costs.ts';
import type { Graph } from '../../model/graph.ts';
import { groupsToCut, kernelsToCut } from '../../pruning/candidates.ts';
import { channelMap } from '../../pruning/groups.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import { macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { plannedMasks, plannedUnits } from '../../pruning/plan.ts';
import { refuse } from '../refuse.ts';
import { type Criterion, measureOf, type Plan, type PlanSource, type Pruning } from '../spec/index.ts';

/** Reads the plan that a job has left. Throws Problem. */
export type PlanReader = (jobId: string) => Promise<Plan>;

/** Criteria that move weights which stay: a plan holds what goes alone. */
const MOVES_WEIGHTS: readonly Criterion['type'][] = ['reconstruction', 'sparsegpt', 'woodfisher'];

/**
 * `pruning` has its layers and scope resolved; `modelSha256` is of the model's file.
 * Throws Problem INCOMPATIBLE_OPTIONS, PLAN_MISMATCH, TARGET_OUT_OF_REACH, and those of the reader.
 */
export async function checkPlan(pruning: Pruning, graph: Graph, modelSha256: string, readPlan: PlanReader): Promise<void> {
  const { criterion, schedule, structure, plan: source, plan_only: planOnly } = pruning;
  if (!source && criterion.type === 'planned')
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/criterion/type',
      'planned scores nothing: it takes a plan, which says what goes.',
      criterion.type,
    );
  if (!source && !planOnly) return;
  if (source && planOnly)
    refuse('INCOMPATIBLE_OPTIONS', '/pruning/plan_only', 'The plan is given already: leave one of plan and plan_only out.', true);
  if (structure.type === 'depth' || structure.type === 'low_rank') {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/structure/type',
      `Plans are of zeros and of channels. What ${structure.type} cuts is chosen by layers.include and layers.exclude.`,
      structure.type,
    );
  }
  if (MOVES_WEIGHTS.includes(criterion.type)) {
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/criterion/type',
      `${criterion.type} moves weights that stay as well, which no plan holds. Accepted: every criterion but ${MOVES_WEIGHTS.join(', ')}.`,
      criterion.type,
    );
  }
  if (schedule.type !== 'one_shot' || schedule.begin > 0) {
    const accepted = '{"type": "one_shot", "begin": 0}';
    refuse('INCOMPATIBLE_OPTIONS', '/pruning/schedule', `A plan is of one cut of the uploaded model. Accepted: ${accepted}.`, schedule);
  }
  if (source) await checkSource(pruning, source, graph, modelSha256, readPlan);
}

async function checkSource(pruning: Pruning, source: PlanSource, graph: Graph, modelSha256: string, readPlan: PlanReader): Promise<void> {
  const { structure, layers, target } = pruning;
  const { job_id: jobId, ...inline } = source;
  const given = Object.keys(inline);
  if (jobId !== undefined && given.length > 0)
    refuse('INCOMPATIBLE_OPTIONS', '/pruning/plan', `job_id names a whole plan; leave out ${given.join(', ')}, or job_id.`, given);
  const plan = jobId === undefined ? inline : await readPlan(jobId);
  const [wanted, other] = structure.type === 'channels' ? (['groups', 'kernels'] as const) : (['kernels', 'groups'] as const);
  if (plan[other] || !plan[wanted])
    refuse(
      'INCOMPATIBLE_OPTIONS',
      '/pruning/plan',
      `A plan of the structure ${structure.type} has ${wanted}, and no ${other}.`,
      Object.keys(plan),
    );
  if (plan.structure !== undefined && plan.structure !== structure.type) {
    refuse('INCOMPATIBLE_OPTIONS', '/pruning/structure/type', `The plan is one of the structure ${plan.structure}.`, structure.type);
  }
  if (plan.model_sha256 !== undefined && plan.model_sha256 !== modelSha256) {
    const detail = `The plan is of another model, whose file has the SHA-256 ${plan.model_sha256}; that of this one is ${modelSha256}.`;
    refuse(
      'PLAN_MISMATCH',
      jobId === undefined ? '/pruning/plan/model_sha256' : '/pruning/plan/job_id',
      detail,
      jobId ?? plan.model_sha256,
    );
  }
  if (structure.type !== 'channels') {
    plannedMasks(prunableKernels(graph, { exclude: [] }), kernelsToCut(graph, pruning).kernels, plan, pruning);
    return;
  }
  const map = channelMap(graph);
  const removed = plannedUnits(map, groupsToCut(map, pruning).groups, plan, { ...structure, overrides: layers.overrides });
  const { measure, value } = measureOf(target);
  if (measure !== 'macs' && measure !== 'parameters') return;
  const counted = measure === 'macs' ? macsMeasure(map) : parametersMeasure(map);
  const left = counted.of(removed) / (measure === 'macs' ? totalMacs(graph) : parameterCount(graph).total);
  if (left > value)
    refuse(
      'TARGET_OUT_OF_REACH',
      `/pruning/target/${measure}`,
      `The plan leaves ${left} of the ${counted.unit}; of a plan 1 asks nothing.`,
      value,
    );
}
