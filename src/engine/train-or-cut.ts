/** What `train` and `prune` jobs do with a model, but for searches within a loss of accuracy: one training, with its cuts and its packing. */
import { codesWeights, type MakingSpec, type Packing, type Plan, type PruneSpec } from '../jobs/spec/index.ts';
import type { ModelDocument } from '../model/document.ts';
import { readPlan } from '../pruning/plan-file.ts';
import { quality, type SampleScores } from '../report/scores.ts';
import { isMidRun } from './between-runs.ts';
import type { StoredState } from './checkpoint.ts';
import { outputFormats } from './output-formats.ts';
import { runPacking } from './packing/run-packing.ts';
import { evolutionReport, guidedByEvolution } from './pruning/evolution-search.ts';
import { prepare, prepares } from './pruning/preparation.ts';
import { runPruning } from './pruning/run-pruning.ts';
import { asTargeted, withCountedTarget } from './pruning/targets.ts';
import type { Reporter } from './reporter.ts';
import { TrainingRun, type TrainingRunParts } from './run/index.ts';

/** What a job has come to before it is measured. */
export interface Made {
  document: ModelDocument;
  cuts: Record<string, unknown>[];
  training: unknown;
  /** What packing says of itself; null of a job whose weights were not packed. */
  packing: Record<string, unknown> | null;
  /** What is to be said of it besides what is counted on the export; null where nothing is. */
  target: Record<string, unknown> | null;
  /** Models on the way to the result that are kept as well, by the label that `target` has them under. */
  further: { label: string; document: ModelDocument }[];
  /** What a recipe says of its stages. */
  recipe?: Record<string, unknown>;
}

export interface TrainOrCutOptions {
  resumed: StoredState | null;
  /** What survivors of a cut go back to, where that is a model. */
  rewindTo: ModelDocument | null;
  /** Of the plan that another job left; null where the job replays none of another's. */
  planPath: string | null | undefined;
  /** Scores of the selection split; null where the data set has none. */
  evaluated: ((document: ModelDocument) => SampleScores) | null;
}

/** One training, with the cuts of a `prune` job and the packing of any. Throws what a run throws: Problem, Cancelled, Paused. */
export async function trainOrCut(
  spec: MakingSpec,
  parts: TrainingRunParts,
  { resumed, rewindTo, planPath, evaluated }: TrainOrCutOptions,
): Promise<Made> {
  const { reporter, document: original } = parts;
  const prepared = spec.type === 'prune' && prepares(spec) ? await prepare(spec, parts, { resumed, evaluated }) : null;
  const searched = prepared?.search ?? null;
  const under = isMidRun(resumed) ? resumed : null;
  const beside = prepared ? { beside: { kept: () => ({ state: prepared, arrays: new Map() }), severalRuns: false } } : {};
  const trainingRun = new TrainingRun({ ...parts, ...beside }, under);
  try {
    if (!prepared) reporter.started(under ? trainingRun.state.step : null);
    if (trainingRun.state.packed !== null) reporter.enter('training', trainingRun.state.step);
    else if (spec.type === 'train') {
      reporter.enter('training', trainingRun.state.step);
      if (!under) keepZeros(trainingRun, reporter);
      trainingRun.train(trainingRun.totalSteps);
    } else {
      const plan = await planOf(spec, planPath);
      const counted = plan ? spec : await withCountedTarget(spec, original);
      await runPruning(counted, trainingRun, parts, {
        resumed: under !== null,
        plan,
        rewindTo,
        guidance: searched && guidedByEvolution(searched),
        table: prepared?.table ?? null,
      });
    }
    const packing = packingOf(spec);
    if (packing && codesWeights(packing)) {
      const measure = (document: ModelDocument) => (evaluated ? quality(evaluated(document)) : null);
      await runPacking({ packing, run: trainingRun, parts, format: outputFormats(spec, original)[0], measure });
    }
    const trained = trainingRun.result();
    return {
      document: spec.type === 'prune' ? await asTargeted(spec, original, trained) : trained,
      cuts: trainingRun.state.cuts,
      training: trainingRun.summary(),
      packing: trainingRun.state.packed?.report ?? null,
      target: spec.type === 'prune' && searched ? { search: evolutionReport(spec, searched) } : null,
      further: [],
    };
  } finally {
    trainingRun.dispose();
  }
}

/** The plan that the job replays; null where its cuts are scored. */
async function planOf({ pruning: { plan } }: PruneSpec, path: TrainOrCutOptions['planPath']): Promise<Plan | null> {
  if (!plan) return null;
  const { job_id: job, ...inline } = plan;
  if (job === undefined) return inline;
  if (!path) throw new Error(`The plan of ${job} came with no path`);
  return readPlan(path);
}

/** Zeros that are there stay, as the caller of a job that does not speak of pruning should know. */
function keepZeros(run: TrainingRun, reporter: Reporter): void {
  const masks = run.zerosThatStay();
  if (masks.size === 0) return;
  run.setMasks(masks);
  const zeros = [...masks.values()].reduce((sum, mask) => mask.reduce((count, lives) => count + (lives ? 0 : 1), sum), 0);
  reporter.warn(
    'ZEROS_KEPT',
    `${zeros} kernel weights in ${[...masks.keys()].join(', ')} are 0 and stay 0; set keep_zeros to false where they should be trained.`,
  );
}

/** The packing of a job; null where it has none. */
export function packingOf({ packing }: MakingSpec): Packing | null {
  // A job that was posted before there was packing says nothing.
  return (packing as Packing | null | undefined) ?? null;
}
