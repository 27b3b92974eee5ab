/** A job of the type `sensitivity`: every group and kernel of a model is cut alone, at several ratios, and what is left is measured without training. */
import { openDataset } from '../dataset/batches.ts';
import { type PruneSpec, type Sensitivities, type SensitivitySpec, Structure, type TriedStructure } from '../jobs/spec/index.ts';
import { atSamples } from '../model/at-samples.ts';
import type { Weights } from '../model/document.ts';
import { readModel } from '../model/formats/index.ts';
import { atFractions, countsAt } from '../pruning/sensitivity.ts';
import { sensitivityReport } from '../report/sensitivity.ts';
import { fillDefaults } from '../schema.ts';
import type { EngineFrame, RunFrame } from '../worker/frames.ts';
import { Cancelled } from './cancelled.ts';
import { lossOf } from './losses.ts';
import { Paused } from './paused.ts';
import type { Scorable, ScoringSpec } from './pruning/calibration-of.ts';
import { measuredGroups, measureSensitivity, scoresOnSamples } from './pruning/measure-sensitivity.ts';
import { stillMovement } from './pruning/still-movement.ts';
import { Reporter } from './reporter.ts';
import { Variables } from './variables.ts';

export interface TryContext {
  emit(frame: EngineFrame): void;
  cancelled(): boolean;
  /** Asked between cuts: what is measured is kept with the model, where the next attempt finds it. */
  pauseRequested(): boolean;
}

/** To its `finished` frame; makes no model. Throws Problem, Cancelled and Paused. */
export async function tryCuts(frame: RunFrame, spec: SensitivitySpec, { emit, cancelled, pauseRequested }: TryContext): Promise<void> {
  const document = atSamples(await readModel(frame.model_path), frame.dataset.facts.x.shape);
  const { split, structures } = spec;
  if (split === null || structures === null) throw new Error('split and structures are resolved when the job is posted');
  const asked = structures.map((structure) => [structure, scoringSpec(spec, structure)] as const);
  const levels = asked.flatMap(([, scoring]) =>
    measuredGroups(scoring, document.graph).map(({ count }) => countsAt(spec.ratios, count).length),
  );
  const reporter = new Reporter(
    emit,
    levels.reduce((sum, count) => sum + count, 0),
  );
  reporter.enter('loading');
  const data = openDataset(frame.dataset.files, frame.dataset.facts);
  const weights = Variables.from(document.weights);
  const checkCancelled = (): void => {
    if (cancelled()) throw new Cancelled();
  };
  const loss = lossOf(spec.loss, { label_smoothing: 0, huber_delta: 1 });
  let movements: Weights | null = null;
  const untouched: Scorable = {
    present: () => document,
    presentWeights: () => weights,
    presentScores() {
      if (spec.criterion.type !== 'movement') return new Map();
      movements ??= stillMovement(document, untouched, { data }, spec.seed);
      return movements;
    },
    loss,
    checkCancelled,
    state: { step: 0 },
  };
  const scores = scoresOnSamples({ data, split, samples: spec.samples, seed: spec.seed, loss, cancelled: checkCancelled });
  try {
    reporter.started(null);
    let step = 0;
    const measured = asked.map(([structure, scoring], place): { structure: TriedStructure; measured: Sensitivities } => {
      let began = performance.now();
      const all = measureSensitivity(
        scoring,
        untouched,
        { data, reporter },
        {
          fractions: spec.ratios,
          known: frame.sensitivities?.[structure] ?? null,
          scores,
          onLevel({ group, removed, loss: value, accuracy, known }, soFar) {
            step++;
            reporter.row('prune', step, { structure: place, group, removed, loss: value, accuracy });
            reporter.stepped(step, performance.now() - began);
            if (!known) emit({ kind: 'sensitivity', structure, measured: soFar });
            if (pauseRequested()) throw new Paused();
            began = performance.now();
          },
        },
      );
      const names = measuredGroups(scoring, document.graph).map(({ name }) => name);
      return { structure, measured: atFractions(all, names, spec.ratios)! };
    });
    reporter.flush();
    const samples = Math.min(spec.samples, data.split(split).size);
    emit({
      kind: 'finished',
      result: { sensitivity: { split, samples, ...sensitivityReport(measured, spec.accuracy_drops) }, seconds: reporter.seconds() },
      outputs: [],
    });
  } finally {
    weights.dispose();
    data.close();
  }
}

/** Layers are cut alone: the scope compares none, so that no kernel is left out of a comparison. */
function scoringSpec({ seed, criterion, layers }: SensitivitySpec, structure: TriedStructure): ScoringSpec {
  const pruning: Pick<PruneSpec['pruning'], keyof ScoringSpec['pruning']> = {
    criterion,
    structure: fillDefaults(Structure, { type: structure }),
    scope: 'layer',
    layers: { ...layers, overrides: {} },
  };
  return { seed, pruning };
}
