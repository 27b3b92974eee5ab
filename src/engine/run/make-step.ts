/** The training step of a run, as its document, its state and what it was asked for have it. */
import { type ClippingRule, patternOf } from '../../clipping/index.ts';
import type { Dataset } from '../../dataset/batches.ts';
import type { Training } from '../../jobs/spec/index.ts';
import { type Graph, weightKey } from '../../model/graph.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import type { Teacher } from '../distillation.ts';
import { predictionBatchSize } from '../evaluate.ts';
import type { Loss } from '../losses.ts';
import { type OptimizerRule, resolved } from '../optimizers/index.ts';
import type { TrainingPool } from '../pool/training-pool.ts';
import {
  type BatchFormat,
  batchFormat,
  CapturedStep,
  EagerStep,
  type StepParts,
  type StepVariables,
  type TrainingStep,
} from '../step/index.ts';
import type { Penalty } from '../step/penalty.ts';
import { tuningRate } from './course.ts';
import type { TrainingRunParts } from './parts.ts';
import type { RunState } from './state.ts';

/** The rate of movement scores (Sanh 2020). */
const SCORE_RATE = 1e-2;

/** Bytes of stored samples up to which the session holds the data. */
const HELD_IN_SESSION = 256 * 2 ** 20;

/** What a step is made of, as it is now. */
export interface StepMaking {
  asked: TrainingRunParts;
  state: RunState;
  graph: Graph;
  variables: StepVariables;
  loss: Loss;
  optimizer: OptimizerRule;
  clipping: ClippingRule;
  teacher: Teacher | null;
  pool: TrainingPool;
}

/** One that has seen nothing yet: captured, unless that was not wanted or did not work. */
export function makeStep(making: StepMaking): TrainingStep {
  const { asked, state, pool } = making;
  const { training, data } = asked;
  if (training.step === 'eager' || state.eagerBecause !== null) return makeEagerStep(making);
  const size = predictionBatchSize(data);
  const remainder = data.split('train').size % training.batch_size;
  const selection = data.split('selection').size;
  return new CapturedStep(stepParts(making), formatOf(making), heldInSession(pool), {
    batches: [Math.min(training.batch_size, data.split('train').size), remainder].filter((count) => count > 0),
    predictions: [Math.min(size, selection), selection % size].filter((count) => count > 0),
  });
}

/** One that runs operation by operation; with `variables` in place of the run's where there are some. */
export function makeEagerStep(making: StepMaking, variables: Partial<StepVariables> = {}): EagerStep {
  const parts = stepParts(making);
  return new EagerStep({ ...parts, variables: { ...parts.variables, ...variables } }, formatOf(making));
}

function stepParts({ asked, state, graph, variables, loss, optimizer, clipping, teacher }: StepMaking): StepParts {
  const { training, seed, data } = asked;
  const { learning_rate: full, weight_decay_on: decayed } = resolved(training.optimizer);
  const alsoInRange = training.weight_range_also.map(patternOf);
  return {
    graph,
    variables,
    loss,
    optimizer,
    decayAll: decayed === 'all',
    clipping,
    weightRange: training.weight_range,
    inRange: (key) => alsoInRange.some((pattern) => pattern.test(key)),
    ema: training.ema?.momentum ?? null,
    classWeights: classWeights(training, data),
    // Copies are changed already.
    augmentation: training.augmentation_copies === null ? training.augmentation : [],
    masking: state.masking,
    teacher,
    penalty: penaltyOf(asked, state, graph),
    codings: new Map(state.packed?.codings ?? []),
    stepsLearn: tuningRate(asked),
    movement: variables.scores.keys().length > 0 ? { rate: SCORE_RATE, learningRate: full } : null,
    microBatchSize: training.micro_batch_size,
    seed,
  };
}

function formatOf({ asked: { training, data }, graph, pool }: StepMaking): BatchFormat {
  return batchFormat(data.facts, graph, { weighted: training.sample_weights, lesson: pool.lessonShape });
}

/** What the penalty is of: scales of batch normalisation, or the kernels that may be cut; null once all is cut. */
function penaltyOf({ regularization }: TrainingRunParts, { penalised }: RunState, graph: Graph): Penalty | null {
  if (!regularization || !penalised) return null;
  const { type } = regularization.spec;
  if (type !== 'l1_scale') return { type, keys: new Set(prunableKernels(graph, regularization.layers).map(({ key }) => key)) };
  const normalisations = graph.layers.filter(({ className }) => className === 'BatchNormalization');
  const scales = normalisations.flatMap((layer) =>
    layer.weights.filter(({ role }) => role === 'scale').map(({ name }) => weightKey(layer, name)),
  );
  return { type, keys: new Set(scales) };
}

function heldInSession({ held }: TrainingPool) {
  if (!held?.y) return null;
  const bytes = [held.x, held.y, held.w, held.lesson].reduce((sum, values) => sum + (values?.byteLength ?? 0), 0);
  return bytes <= HELD_IN_SESSION ? held : null;
}

/** By class number, as the loss takes them; null where no class has a weight of its own. */
function classWeights({ class_weights: asked }: Training, data: Dataset): Float32Array | null {
  const y = data.facts.y;
  if (asked === null || !y?.classes) return null;
  if (asked !== 'balanced') return Float32Array.from({ length: y.classes }, (_, index) => asked[index] ?? 1);
  const counts = y.counts ?? [];
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Float32Array.from({ length: y.classes }, (_, index) => (counts[index] ? total / (y.classes! * counts[index]!) : 1));
}
