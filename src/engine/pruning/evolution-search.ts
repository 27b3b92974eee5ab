/** Searches by evolution how groups share a cut: candidates that all meet the target are scored once batch normalisations have been re-estimated, untrained. */
import { type Evolution, measureOf, type PruneSpec } from '../../jobs/spec/index.ts';
import { type ModelDocument, withWeights } from '../../model/document.ts';
import { fileBytes } from '../../model/formats/index.ts';
import { allocate, furthestCut } from '../../pruning/allocation.ts';
import { best, firstGeneration, type Individual, nextGeneration, weighedScores } from '../../pruning/evolution.ts';
import type { ChannelGroup, ChannelMap } from '../../pruning/groups.ts';
import { type LatencyTable, wholeMs } from '../../pruning/latency-table.ts';
import { bytesMeasure, type Measure, macsMeasure, parametersMeasure } from '../../pruning/measures.ts';
import { type Removed, removeUnits, unitsKept } from '../../pruning/surgery.ts';
import { meanInterval } from '../../report/intervals.ts';
import type { SampleScores } from '../../report/scores.ts';
import { outputFormats } from '../output-formats.ts';
import { TrainingRun, type TrainingRunParts } from '../run/index.ts';
import { withinTime } from './choose-units.ts';
import type { Guidance } from './guidance.ts';
import { onSamples } from './on-samples.ts';
import { calibrationLoss, normalisationMoments } from './statistics/index.ts';
import { scoredUnits } from './unit-choice.ts';

/** Of the training split: what normalisations are re-estimated on, and what candidates are compared on where there is no selection split. */
const SAMPLES = { moments: 512, fitness: 1024 };
/** A loss that overflows. */
const WORST = 1e30;

/** What has happened so far, as checkpoints keep it. */
export interface EvolutionState {
  /** By gene: the key of its group. */
  keys: string[];
  /** The newest generation. */
  population: Individual[];
  /** Of every generation so far: the lowest loss, and the mean. */
  history: { generation: number; best: number; mean: number }[];
  /** The loss of the cut that one global threshold makes. */
  control: number;
  /** Units that stay, once the search is over. */
  ratios: { layers: string[]; units: number; kept: number; kept_globally: number }[] | null;
}

/** The search of a job; null where it has none. */
export function searchOf({ pruning: { target } }: PruneSpec): Evolution | null {
  return 'search' in target && typeof target.search === 'object' ? target.search : null;
}

/** Steps that the search counts as: one a generation, the first included. */
export function generationSteps(spec: PruneSpec): number {
  const search = searchOf(spec);
  return search ? search.generations + 1 : 0;
}

export interface EvolutionOptions {
  /** The state of an interrupted search; null to begin. */
  resumed: EvolutionState | null;
  /** Steps of the job before the search's. */
  before: number;
  /** Times of groups, where the target is one. */
  table: LatencyTable | null;
  /** Leaves a checkpoint with the state behind a generation. */
  keep(state: EvolutionState): void;
  /** Scores of the selection split; null where the data set has none. */
  evaluated: ((document: ModelDocument) => SampleScores) | null;
}

/** The whole search. Throws Problem TARGET_OUT_OF_REACH, Cancelled, Paused. */
export async function evolve(spec: PruneSpec, parts: TrainingRunParts, options: EvolutionOptions): Promise<EvolutionState> {
  const { resumed, before, table, keep, evaluated } = options;
  const search = searchOf(spec)!;
  const { reporter } = parts;
  const run = new TrainingRun(parts);
  try {
    const { document, map, groups, scores } = scoredUnits(spec, run, parts);
    const keys = groups.map(({ key }) => key);
    const cutBy = await cutter(spec, parts, table, document, map, groups);
    const removedBy = (genome: readonly number[]): Removed =>
      cutBy(weighedScores(groups, scores, new Map(keys.map((key, index) => [key, genome[index]!]))));
    const known = new Map<string, number>();
    const lossOf = (removed: Removed): number => {
      const name = Buffer.from(removed).toString('latin1');
      const loss = known.get(name) ?? estimatedLoss(removeUnits(document, map, removed), run, parts, evaluated);
      known.set(name, loss);
      return loss;
    };
    const state: EvolutionState = resumed ?? { keys, population: [], history: [], control: 0, ratios: null };
    for (let generation = state.history.length; generation <= search.generations; generation++) {
      reporter.startAt(before + generation);
      const genomes = generation === 0 ? firstGeneration(keys.length, search) : nextGeneration(state.population, generation, search);
      state.population = genomes.map((genome) => {
        reporter.enter('pruning');
        return { genome, fitness: lossOf(removedBy(genome)) };
      });
      // Nothing is changed in the first of the first generation.
      if (generation === 0) state.control = state.population[0]!.fitness;
      const losses = state.population.map(({ fitness }) => fitness);
      const row = { best: Math.min(...losses), mean: losses.reduce((sum, loss) => sum + loss, 0) / losses.length };
      state.history.push({ generation, ...row });
      reporter.row('prune', 0, { generation, best_fitness: row.best, mean_fitness: row.mean });
      keep(state);
    }
    const [found, plain] = [best(state.population)[0]!.genome, keys.map(() => 0)].map(removedBy) as [Removed, Removed];
    state.ratios = groups.map((group) => ({
      layers: group.layers,
      units: group.units.length,
      kept: unitsKept(group.units, found),
      kept_globally: unitsKept(group.units, plain),
    }));
    return state;
  } finally {
    run.dispose();
  }
}

/** How the cut itself shares out, by the best of the search. */
export function guidedByEvolution({ keys, population }: EvolutionState): Guidance {
  const { genome } = best(population)[0]!;
  const genes = new Map(keys.map((key, index) => [key, genome[index]!]));
  return {
    units: (_, groups, scores) => weighedScores(groups, scores, genes),
    weights: () => {
      throw new Error('Groups of channels were searched for');
    },
  };
}

/** The part of `result.target` that says what was searched for and found. */
export function evolutionReport(spec: PruneSpec, { population, history, control, ratios }: EvolutionState) {
  return { ...searchOf(spec)!, fitness: { best: best(population)[0]!.fitness, global_threshold: control }, history, groups: ratios };
}

/** What a cut by scores removes: as much as the target needs, by what it counts; of bytes by an estimate and of times by the table, which the cut itself measures. */
async function cutter(
  spec: PruneSpec,
  parts: TrainingRunParts,
  table: LatencyTable | null,
  document: ModelDocument,
  map: ChannelMap,
  groups: readonly ChannelGroup[],
): Promise<(scores: Float64Array) => Removed> {
  const { structure, layers, target } = spec.pruning;
  if (structure.type !== 'channels') throw new Error(`${structure.type} has no groups of channels`);
  const { measure: name, value } = measureOf(target);
  if (table) {
    const limit = value * wholeMs(table);
    const limits = { ...structure, overrides: layers.overrides, scope: 'global' as const };
    return (scores) => withinTime({ map, groups, scores, limits }, spec, table, limit);
  }
  const measure = await counted(name);
  const limits = { ...structure, overrides: layers.overrides };
  const whole = measure.of(new Uint8Array(map.unitCount));
  const least = name === 'macs' || name === 'parameters' ? 0 : measure.of(furthestCut(map, groups, limits));
  const limit = Math.max(value * whole, least);
  return (scores) => allocate(map, groups, scores, { ...limits, measure, limit, scope: 'global' });

  async function counted(of: typeof name): Promise<Measure> {
    if (of === 'parameters') return parametersMeasure(map);
    if (of === 'bytes') return bytesMeasure(document, map, await fileBytes(document, outputFormats(spec, parts.document)[0]));
    return macsMeasure(map);
  }
}

/** The mean loss on the selection split, else on training samples, once normalisations have taken their moments anew. */
function estimatedLoss(cut: ModelDocument, run: TrainingRun, parts: TrainingRunParts, evaluated: EvolutionOptions['evaluated']): number {
  const moments = onSamples(cut, SAMPLES.moments, run, parts, normalisationMoments);
  const document = withWeights(cut, new Map([...cut.weights, ...moments]));
  const loss = evaluated
    ? meanInterval(evaluated(document).losses).value
    : onSamples(document, SAMPLES.fitness, run, parts, calibrationLoss);
  return Number.isFinite(loss) ? loss : WORST;
}
