/** The course of a `prune` job: its cuts, and the training between them. */
import type { Plan, PruneSpec } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { LatencyTable } from '../../pruning/latency-table.ts';
import type { TrainingRun, TrainingRunParts } from '../run/index.ts';
import { channelCutter } from './channel-cutter.ts';
import type { Cutter } from './cutter.ts';
import { depthCutter } from './depth-cutter.ts';
import { growingMarks } from './growing-marks.ts';
import type { Guidance } from './guidance.ts';
import { lowRankCutter } from './low-rank-cutter.ts';
import { reestimate } from './make-up.ts';
import { stagesOf } from './stages.ts';
import { weightCutter } from './weight-cutter.ts';

interface Circumstances {
  resumed: boolean;
  plan: Plan | null;
  /** What shares a cut out between groups or kernels; null: their scores do, as the criterion has them. */
  guidance?: Guidance | null;
  /** Times of groups, where the target is one. */
  table?: LatencyTable | null;
}

function cutterOf(
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
  { resumed, plan, guidance = null, table = null }: Circumstances,
): Cutter {
  switch (spec.pruning.structure.type) {
    case 'channels':
      return channelCutter(spec, run, parts, plan, { guidance, table });
    case 'depth':
      return depthCutter(spec, run, parts);
    case 'low_rank':
      return lowRankCutter(spec, run, parts);
    default:
      return weightCutter(spec, run, parts, resumed, plan, guidance);
  }
}

/** Runs every stage of the job that is not done yet. `rewindTo` is a model that survivors go back to. */
export async function runPruning(
  spec: PruneSpec,
  run: TrainingRun,
  parts: TrainingRunParts,
  { rewindTo, ...circumstances }: Circumstances & { rewindTo: ModelDocument | null },
): Promise<void> {
  const { resumed } = circumstances;
  if (!resumed && rewindTo) run.remember(rewindTo.weights);
  const cutter = cutterOf(spec, run, parts, circumstances);
  const { reestimate_batch_norm: estimation } = spec.pruning;
  const cut: Cutter =
    typeof estimation !== 'object'
      ? cutter
      : async (kept) => {
          const before = run.state.cuts.length;
          await cutter(kept);
          if (run.state.cuts.length > before)
            Object.assign(run.state.cuts.at(-1)!, { batch_norm: reestimate(estimation.samples, run, parts) });
        };
  if (!resumed && spec.pruning.regularization?.type === 'growing_l2') run.setMarks(growingMarks(spec, run.present()));
  const stages = stagesOf(spec, run, parts, cut);
  const first = run.state.stage;
  for (const [index, { begin, end, between }] of stages.entries()) {
    if (index < first) continue;
    run.state.stage = index;
    // A checkpoint is from within its stage.
    if (!resumed || index > first) await begin?.();
    parts.reporter.enter('training', run.state.step);
    run.train(end, between);
  }
}
