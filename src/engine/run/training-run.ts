/** Training from one step to another, as `train` jobs and fine-tuning do it. Everything that a resume needs is in `RunState` and the arrays beside it. */
import { join } from 'node:path';
import { type ClippingRule, clippingRule, clippingVerdict, type ProbedRule } from '../../clipping/index.ts';
import { Problem } from '../../errors.ts';
import type { Monitored } from '../../jobs/spec/index.ts';
import { type ModelDocument, type Weights, withWeights } from '../../model/document.ts';
import { size } from '../../model/layers/index.ts';
import { withConfig } from '../../model/with-layers.ts';
import { onGrids, shortened } from '../../packing/grid.ts';
import type { KernelCodings } from '../../packing/kernel-coding.ts';
import { bitsOfAll, codeCosts, type RatedTensor } from '../../packing/rate/code-costs.ts';
import { type RatePhase, ratePhases } from '../../packing/rate/phases.ts';
import { multiplesOf } from '../../packing/rate/steps.ts';
import { snapped } from '../../packing/shared-values.ts';
import { prunableKernels } from '../../pruning/kernels.ts';
import { type Masks, masked, zeroMasks } from '../../pruning/masks.ts';
import { undefinedMetrics } from '../../report/metrics/index.ts';
import { BESIDE } from '../between-runs.ts';
import { Cancelled } from '../cancelled.ts';
import { type StoredArray, type StoredState, writeCheckpoint } from '../checkpoint.ts';
import type { Teacher } from '../distillation.ts';
import { evaluate, monitoredValues } from '../evaluate.ts';
import { type Loss, lossOf } from '../losses.ts';
import { cutMade, masksMoved, normSeen } from '../norm-spike.ts';
import { withTrainedOptimizer } from '../optimizer-export.ts';
import { type OptimizerRule, optimizerRule, resolved } from '../optimizers/index.ts';
import { Paused } from '../paused.ts';
import { TrainingPools } from '../pool/pools.ts';
import type { TaughtSource, TrainingPool } from '../pool/training-pool.ts';
import { UNWATCHED, watched } from '../progress-watch.ts';
import type { StepMeasures } from '../reporter.ts';
import { stepCoding } from '../step/coded-weights.ts';
import { CaptureFailed, type HostBatch, type Masking, type StepPosition, type StepReport, type TrainingStep } from '../step/index.ts';
import { hasCosts, setCosts } from '../step/rate-coding.ts';
import { Variables } from '../variables.ts';
import { learningRateAt, positionAt } from './course.ts';
import { stepsPerEpoch, totalStepsOf, tuningStepsOf } from './lengths.ts';
import { makeEagerStep, makeStep, type StepMaking } from './make-step.ts';
import type { TrainingRunParts } from './parts.ts';
import { RunVariables, storedUnder } from './run-variables.ts';
import { layerMeasures, type MoreColumn, moreColumns, updateRatio } from './series.ts';
import { freshState, type RateCourse, type RateState, type RunState } from './state.ts';

/** What the present weights are made of. */
const PRESENTED = ['weights', 'averages', 'places', 'steps'] as const;

/** What a schedule does while a run trains. */
export interface BetweenSteps {
  /** Called with the number of steps done. May prune. */
  afterStep?: (done: number) => void;
  /** Whether early stopping may end the training. */
  mayStop?: (done: number) => boolean;
}

export class TrainingRun {
  readonly state: RunState;
  readonly loss: Loss;
  readonly totalSteps: number;
  private readonly parts: TrainingRunParts;
  private readonly perEpoch: number;
  private readonly pool: TrainingPool;
  private readonly batches: TaughtSource;
  private readonly optimizer: OptimizerRule;
  private readonly clipping: ClippingRule;
  private document: ModelDocument;
  private readonly variables: RunVariables;
  private readonly teacher: Teacher | null;
  private masks: Masks = new Map();
  private best: Weights | null = null;
  /** What survivors go back to, of the present shapes; null where they do not. */
  private earlier: Weights | null = null;
  private step: TrainingStep;
  private lastCheckpoint = performance.now();
  /** Of the newest checkpoint; where it began before there is one. */
  private storedStep: number;

  constructor(parts: TrainingRunParts, resumed: StoredState | null = null) {
    const { data, training, seed } = parts;
    this.parts = parts;
    this.perEpoch = stepsPerEpoch(data, training.batch_size);
    this.totalSteps = totalStepsOf(data, training);
    this.loss = lossOf(training.loss, training);
    this.optimizer = optimizerRule(resolved(training.optimizer));
    this.clipping = clippingRule(training.clipping);
    this.document = parts.document;
    this.state = freshState({
      clipping: this.clipping.memory(),
      totalSteps: this.totalSteps,
      penalised: parts.regularization !== null,
    });
    if (resumed) {
      const { run, config } = resumed.state as { run: RunState; config: Record<string, unknown> };
      Object.assign(this.state, run);
      this.clipping.restore(run.clipping);
      this.document = withConfig(parts.document, config, storedUnder(resumed.arrays, 'weights'));
      const earlier = storedUnder(resumed.arrays, 'earlier');
      if (earlier.size > 0) this.earlier = earlier;
      const best = storedUnder(resumed.arrays, 'best');
      if (best.size > 0) this.best = best;
    }
    this.storedStep = this.state.step;
    this.variables = new RunVariables(this.document.weights);
    if (resumed) this.variables.restore(resumed.arrays);
    if (this.state.packed?.rate && !this.state.packed.codings.every(([key]) => hasCosts(this.variables.costs, key))) {
      this.variables.costs.dispose();
      this.countCosts();
    }
    const { distillation } = training;
    const { graph, weights } = parts.teacher;
    this.teacher = distillation && { graph, weights: Variables.from(weights), options: distillation };
    this.pool = (parts.pools ?? new TrainingPools(data)).of({
      training,
      teacher: this.teacher,
      teacherDocument: parts.teacher,
      student: this.document,
      loss: this.loss,
      seed,
      uses: training.batch_size * (this.totalSteps + tuningStepsOf(data, training, parts.tuning)),
      cancelled: this.checkCancelled,
    });
    this.batches = this.pool.batches({ seed, batchSize: training.batch_size });
    if (!resumed && parts.initialOptimizer) {
      for (const [name, slot] of parts.initialOptimizer.slots) this.variables.slots.set(name, slot);
      this.state.slotsFrom = -parts.initialOptimizer.iterations;
    }
    this.step = makeStep(this.making());
    if (resumed) {
      const masks = [...resumed.arrays].filter(([name]) => name.startsWith('masks/'));
      if (masks.length > 0) this.setMasks(new Map(masks.map(([name, { data }]) => [name.slice('masks/'.length), data as Uint8Array])));
    }
  }

  /** The document with the present weights: averages in their place where they are kept, and without what masks leave out. */
  present(): ModelDocument {
    this.step.store(PRESENTED);
    const weights = this.decoded(new Map([...this.variables.weights.values(), ...this.variables.averages.values()]));
    return withWeights(this.document, this.state.masking === 'final' ? weights : masked(weights, this.masks));
  }

  /** Weights as files will hold them: on their grids, and those that share a value with the same bits. */
  private decoded(weights: Weights): Weights {
    for (const [key, coding] of this.state.packed?.codings ?? []) {
      const { shape, data } = weights.get(key)!;
      if (coding.kind === 'shared') weights.set(key, { shape, data: snapped(data, this.variables.places.value(key).data, coding.count) });
      else weights.set(key, { shape, data: onGrids(data, shape, this.variables.steps.value(key), coding.largest) });
    }
    return weights;
  }

  /**
   * Goes on with packed weights, which tuning keeps in their codings: of this document, with a fresh optimizer, and zeros where `zeros` has them. What
   * evaluations found best before was not packed. `report` goes into the result.
   */
  pack(document: ModelDocument, codings: KernelCodings, zeros: Masks, report: Record<string, unknown>): void {
    const { state, parts } = this;
    const tuning = tuningStepsOf(parts.data, parts.training, parts.tuning);
    this.settle();
    this.masks = new Map([...this.masks, ...zeros]);
    this.remake(() => {
      this.variables.setWeights(document.weights);
      this.beginOptimizerAfresh();
      for (const [key, coding] of codings) {
        if (coding.kind === 'shared') this.variables.places.set(key, { shape: this.variables.weights.shape(key), data: coding.places });
        else this.variables.steps.set(key, coding.steps);
      }
      const phases = parts.rate && ratePhases(parts.rate, state.step, tuning);
      state.rates = { begin: state.step, end: phases?.commit ?? state.step + tuning, skipped: 0 };
      state.packed = {
        codings: [...codings].map(([key, coding]) => [key, stepCoding(coding)]),
        end: state.step + tuning,
        report,
        rate: phases && { phases, phase: 'noise', kept: null },
      };
      if (phases) this.countCosts();
    });
    this.forgetBest();
  }

  /** Weights at a rate are trained as this phase has it from now on. */
  enterRatePhase(phase: RatePhase): void {
    const packed = this.state.packed!;
    const rate = packed.rate!;
    if (rate.phase === phase) return;
    this.remake(() => {
      rate.phase = phase;
      packed.codings = packed.codings.map(([key, coding]) => [key, coding.kind === 'rate' ? { ...coding, phase } : coding]);
      if (phase !== 'commit') return;
      this.state.rates = { begin: rate.phases.commit, end: rate.phases.end, skipped: 0 };
      // Few digits, so that the file holds these steps and no others.
      for (const key of this.variables.steps.keys()) {
        const { shape, data } = this.variables.steps.value(key);
        this.variables.steps.set(key, { shape, data: data.map((step) => shortened(step) || step) });
      }
    });
  }

  /** Counts anew what the next level of each weight costs. */
  recountCosts(): void {
    this.step.store(['weights', 'steps']);
    this.countCosts();
    this.step.load(['costs']);
  }

  private countCosts(): void {
    for (const [key] of this.state.packed!.codings) {
      const { shape, data } = this.variables.weights.value(key);
      setCosts(this.variables.costs, key, shape, codeCosts(multiplesOf(data, this.variables.steps.value(key).data[0]!), shape));
    }
  }

  /** By key, the whole numbers and the step of each weight at a rate in these weights. */
  multiples(weights: Weights): Map<string, RatedTensor> {
    return new Map(
      this.state.packed!.codings.map(([key]) => {
        const { shape, data } = weights.get(key)!;
        const step = this.variables.steps.value(key).data[0]!;
        return [key, { shape, multiples: multiplesOf(data, step), step }] as const;
      }),
    );
  }

  /** These weights are the result, whatever evaluations have found. */
  keep(weights: Weights): void {
    this.best = weights;
  }

  /** The document that is the result: of the best evaluation where one counts, else the present one, with the optimizer's state where it is asked for. */
  result(): ModelDocument {
    const { training, reporter } = this.parts;
    const document = this.best ? withWeights(this.document, this.best) : this.present();
    if (training.optimizer_state !== 'export' || this.state.step === 0) return document;
    this.step.store();
    const numbers = { iterations: this.state.step - this.state.slotsFrom, slots: this.variables.slots.values() };
    const { document: exported, dropped } = withTrainedOptimizer(document, training, this.optimizer, numbers);
    if (dropped !== null) reporter.warn('OPTIMIZER_STATE_DROPPED', `The exported model has no optimizer state: ${dropped}.`);
    return exported;
  }

  /** The variables that hold the present weights; of this run. */
  presentWeights(): Variables {
    this.step.store(['weights']);
    return this.variables.weights;
  }

  /** The gradients of the next step's batch, by key, of weights that are masked as well; nothing is updated. */
  presentGradients(): Map<string, Float32Array> {
    this.step.store();
    const step = makeEagerStep(this.making());
    try {
      return step.measure(this.batchOf(this.state.step), this.state.step).gradients;
    } finally {
      step.dispose();
    }
  }

  /**
   * The training loss at these weights, the teacher's part included, and its gradients by key: means over the samples of the next `batches` steps, the same
   * whenever they are asked for. Nothing is trained.
   */
  lossAt(weights: Weights, batches: number): { loss: number; gradients: Map<string, Float32Array> } {
    const own = Variables.from(weights);
    const step = makeEagerStep(this.making(), { weights: own });
    try {
      step.setMasks(this.masks);
      let [loss, samples] = [0, 0];
      const gradients = new Map<string, Float32Array>();
      for (let at = this.state.step; at < this.state.step + batches; at++) {
        this.checkCancelled();
        const batch = this.batchOf(at);
        const found = step.measure(batch, at);
        loss += batch.count * found.loss;
        samples += batch.count;
        for (const [key, gradient] of found.gradients) {
          const sum = gradients.get(key) ?? new Float32Array(gradient.length);
          for (let index = 0; index < sum.length; index++) sum[index]! += batch.count * gradient[index]!;
          gradients.set(key, sum);
        }
      }
      return { loss: loss / samples, gradients: new Map([...gradients].map(([key, sum]) => [key, sum.map((value) => value / samples)])) };
    } finally {
      step.dispose();
      own.dispose();
    }
  }

  /** Whether masked weights keep their values from now on; where they do not, they are gone. */
  setMasking(masking: Masking): void {
    if (masking === this.state.masking) return;
    this.remake(() => {
      this.state.masking = masking;
    });
  }

  /** The last cut is made: masks are final, and nothing is penalised or scored any more. */
  settle(): void {
    const { state } = this;
    if (state.masking === 'final' && !state.penalised && this.variables.scores.keys().length === 0) return;
    this.remake(() => {
      state.masking = 'final';
      state.penalised = false;
      this.variables.marks.dispose();
      this.variables.scores.dispose();
    });
  }

  /** Scores the movements of these weights from now on. Where they are masked they keep their values, unless units are removed. */
  scoreMovements(keys: readonly string[], masking: Masking): void {
    this.remake(() => {
      for (const key of keys) {
        const shape = this.variables.weights.shape(key);
        this.variables.scores.set(key, { shape, data: new Float32Array(size(shape)) });
      }
      this.state.masking = masking;
    });
  }

  presentScores(): Weights {
    this.step.store(['scores']);
    return this.variables.scores.values();
  }

  /** Masks of the zeros of the uploaded model, where they are to stay. */
  lockedZeros(): Masks {
    return this.keptZeros(() => this.parts.document);
  }

  /** Where a growing penalty counts, by weight key and in the weight's order. */
  setMarks(marks: Masks): void {
    this.remake(() => {
      for (const [key, mark] of marks)
        this.variables.marks.set(key, { shape: this.variables.weights.shape(key), data: Float32Array.from(mark) });
    });
  }

  /** Makes the step anew, of what `change` leaves. */
  private remake(change: () => void): void {
    this.step.store();
    this.step.dispose();
    change();
    this.step = makeStep(this.making());
    this.step.setMasks(this.masks);
  }

  /** A cut was made: its entry in the result, and its row in the series. */
  recordCut(cut: Record<string, unknown>, row: Record<string, number | null>): void {
    const { state } = this;
    state.cuts.push({ step: state.step, ...cut });
    state.lastCut = state.step;
    state.spike = cutMade(state.spike);
    this.parts.reporter.row('prune', state.step, row);
  }

  /** Masks have moved without a cut: how far the norm of the gradients jumps behind it is in the series. */
  masksMoved(): void {
    this.state.spike = masksMoved(this.state.spike);
  }

  presentMasks(): Masks {
    return this.masks;
  }

  /** Keeps these weights, else the present ones, for `rewind`. */
  remember(weights: Weights = this.trainedWeights()): void {
    this.earlier = weights;
  }

  /** Goes back to what is remembered, under the present masks and with a fresh optimizer; `to` says in the newest cut's entry what that is. */
  rewind(to: unknown): void {
    const { earlier, state } = this;
    if (!earlier) throw new Error('No weights are remembered to go back to');
    this.remake(() => {
      this.variables.setWeights(earlier);
      this.beginOptimizerAfresh();
    });
    const cut = state.cuts.at(-1);
    if (cut) cut.rewound_to = to;
  }

  /** Call inside `remake`. */
  private beginOptimizerAfresh(): void {
    this.variables.slots.dispose();
    this.variables.averages.dispose();
    this.state.slotsFrom = this.state.step;
  }

  /** The learning rate's schedule runs this course from now on. */
  runRates(course: RateCourse): void {
    this.state.rates = course;
  }

  private trainedWeights(): Weights {
    this.step.store(['weights']);
    return this.variables.weights.values();
  }

  /**
   * Goes on with another document (of other shapes): fresh slots, no masks, and no evaluation of the old one counts. `cut` gives what is remembered the same
   * shapes.
   */
  replaceDocument(document: ModelDocument, cut?: (earlier: ModelDocument) => ModelDocument): void {
    if (this.earlier && cut) this.earlier = cut(withWeights(this.document, this.earlier)).weights;
    this.disposeVariables();
    this.document = document;
    this.variables.setWeights(document.weights);
    this.state.slotsFrom = this.state.step;
    this.forgetBest();
    this.step = makeStep(this.making());
  }

  /** Gives some of the present weights other numbers, without touching the optimizer's slots. */
  replaceWeights(values: Weights): void {
    this.step.store();
    for (const [key, value] of values) {
      this.variables.weights.set(key, value);
      if (this.variables.averages.has(key)) this.variables.averages.set(key, value);
    }
    this.step.load();
  }

  /** Weights whose mask is 0 become zero and stay so; what was best before was another network. */
  setMasks(masks: Masks): void {
    this.masks = masks;
    this.step.setMasks(masks);
  }

  /** Evaluations so far no longer say which weights are the result. */
  forgetBest(): void {
    this.best = null;
    this.state.watch = UNWATCHED;
  }

  /** Masks of the zeros that are in the present weights, where they are to stay. */
  zerosThatStay(): Masks {
    return this.keptZeros(() => this.present());
  }

  private keptZeros(of: () => ModelDocument): Masks {
    if (!this.parts.training.keep_zeros) return new Map();
    const { graph, weights } = of();
    return zeroMasks(prunableKernels(graph, { exclude: [] }), weights);
  }

  /**
   * Trains up to (not including) step `to`, or until early stopping ends it where it may; `afterStep` may prune, and is called with the number of steps
   * done. Throws Problem NON_FINITE_GRADIENT, Cancelled, and Paused.
   */
  train(to: number, { afterStep = () => {}, mayStop = () => true }: BetweenSteps = {}): void {
    if (this.state.step < to) this.probe();
    this.declareSeries();
    const { reporter } = this.parts;
    const measures: StepMeasures = {
      loss: 0,
      learning_rate: 0,
      gradient_norm: 0,
      clipped_norm: 0,
      clipping_threshold: null,
      clipped: 0,
      update_ratio: null,
      skipped_steps: 0,
      non_finite: 0,
    };
    const more = this.moreColumns();
    let began = performance.now();
    while (this.state.step < to && !(this.state.watch.stopped && mayStop(this.state.step))) {
      this.checkInterrupted();
      const { step } = this.state;
      const at = positionAt(this.parts, this.state, step);
      const report = this.take(at);
      const done = step + 1;
      this.state.step = done;
      if (report.culprit === null) {
        if (report.clipped > 0) this.state.clippedSteps++;
        this.state.clippedSum += report.clipped;
        this.state.epochLoss.sum += report.loss;
        this.state.epochLoss.steps++;
      } else this.heldBack(report, step);
      measures.loss = report.loss;
      measures.learning_rate = at.learningRate;
      measures.gradient_norm = report.normBefore;
      measures.clipped_norm = report.normAfter;
      measures.clipping_threshold = report.threshold;
      measures.clipped = report.clipped;
      measures.update_ratio = report.layers ? updateRatio(report.layers) : null;
      measures.skipped_steps = this.state.skippedSteps;
      measures.non_finite = report.nonFinite;
      reporter.step(
        done,
        measures,
        more.map(([, measure]) => measure(report, step) ?? Number.NaN),
      );
      if (report.culprit === null) this.watchNorm(report.normBefore);
      if (report.layers) reporter.layers(done, layerMeasures(report.layers));
      afterStep(done);
      const trained = performance.now();
      reporter.stepped(done, trained - began);
      began = trained;
      if (done % this.perEpoch === 0 || done === this.lastStep()) {
        this.validate(Math.ceil(done / this.perEpoch));
        began = performance.now();
        reporter.validated(began - trained, this.parts.data.split('selection').size);
      }
      if (performance.now() - this.lastCheckpoint >= this.parts.checkpointIntervalSeconds * 1000 && done < this.lastStep())
        this.checkpoint();
    }
  }

  /** How many steps will be done when what is trained now has ended. */
  private lastStep(): number {
    return this.state.packed?.end ?? this.totalSteps;
  }

  /** How it was trained, for the result. */
  summary(): Record<string, unknown> {
    const { step, clippedSteps, clippedSum, skippedSteps, nonFinite, watch, probe, eagerBecause } = this.state;
    const taken = Math.max(1, step - skippedSteps);
    const fraction = clippedSteps / taken;
    return {
      loss: this.loss.name,
      step: this.step.kind,
      ...(eagerBecause === null ? {} : { eager_because: eagerBecause }),
      steps: step,
      clipped_fraction: fraction,
      mean_clipped: clippedSum / taken,
      verdict: clippingVerdict(fraction, this.clipping.byDesign),
      ...(probe ? { max_norm_probe: probe } : {}),
      skipped_steps: skippedSteps,
      non_finite: nonFinite,
      stopped_early: watch.stopped,
      best: watch.best,
    };
  }

  checkCancelled = (): void => {
    if (this.parts.cancelled()) throw new Cancelled();
  };

  dispose(): void {
    this.batches.close();
    this.disposeVariables();
    this.teacher?.weights.dispose();
  }

  private checkInterrupted(): void {
    if (this.parts.cancelled()) {
      // Of which a model is made, where none was the best.
      if (this.state.step > this.storedStep) this.checkpoint();
      throw new Cancelled();
    }
    if (!this.parts.pauseRequested()) return;
    this.checkpoint();
    throw new Paused();
  }

  /** The first norm behind a cut is reported with the cut, and that behind a move of masks in the series alone. */
  private watchNorm(norm: number): void {
    const { state, spike, isCut } = normSeen(this.state.spike, norm);
    this.state.spike = state;
    if (!spike) return;
    const cut = this.state.cuts.at(-1);
    if (cut && isCut) cut.gradient_norm = spike;
    this.parts.reporter.row('prune', this.state.step, {
      gradient_norm_before: spike.before,
      gradient_norm_after: spike.after,
      gradient_norm_spike: spike.ratio,
    });
  }

  /** Takes a step; eagerly from now on where it cannot be captured. */
  private take(at: StepPosition): StepReport {
    const batch = this.batchOf(at.step);
    try {
      return this.step.run(batch, at);
    } catch (error) {
      if (!(error instanceof CaptureFailed) || this.parts.training.step === 'captured') throw error;
      this.state.eagerBecause = error.message;
      this.parts.reporter.warn('STEP_NOT_CAPTURED', `Training steps run operation by operation, which is slower: ${error.message}`);
      this.step.dispose();
      this.step = makeStep(this.making());
      this.step.setMasks(this.masks);
      return this.step.run(batch, at);
    }
  }

  private batchOf(step: number): HostBatch {
    const { batches } = this;
    return { count: this.batchSizeAt(step), rows: batches.rows(step), read: () => batches.batch(step) };
  }

  private batchSizeAt(step: number): number {
    const { data, training } = this.parts;
    const from = (step % this.perEpoch) * training.batch_size;
    return Math.min(training.batch_size, data.split('train').size - from);
  }

  private heldBack({ culprit, nonFinite }: StepReport, step: number): void {
    if (this.parts.training.on_non_finite === 'fail') {
      throw new Problem(
        'NON_FINITE_GRADIENT',
        `At step ${step} the ${culprit === 'loss' ? 'loss' : `gradient of ${culprit}`} is not finite; nothing was updated. Lower the learning rate, clip by global_norm, or set on_non_finite to skip_step.`,
      );
    }
    this.state.skippedSteps++;
    this.state.nonFinite += nonFinite;
    // The optimizer did not move: its own count of steps, by which Adam corrects its bias, stands still.
    this.state.slotsFrom++;
  }

  /** Measures `max_norm: "auto"`: steps on a snapshot, without clipping, that are taken back. */
  private probe(): void {
    const rule = this.clipping as Partial<ProbedRule>;
    const steps = rule.probeSteps?.() ?? 0;
    if (steps === 0) return;
    this.step.store();
    const changing = [this.variables.weights, this.variables.slots, this.variables.averages, this.variables.steps];
    const snapshot = changing.map((variables) => variables.values());
    const norms: number[] = [];
    for (let step = 0; step < steps; step++) {
      this.checkCancelled();
      const at = step % Math.max(1, this.totalSteps);
      const { normBefore, culprit } = this.take({
        step: at,
        optimizerStep: step,
        learningRate: learningRateAt(this.parts, this.state, at),
        thresholdStep: at,
        penalty: 0,
        bit: 0,
        pull: 0,
        layers: false,
      });
      // Without clipping the probe may diverge: what it has seen until then is what it knows.
      if (culprit !== null) break;
      norms.push(normBefore);
    }
    for (const [index, variables] of changing.entries()) {
      for (const [key, value] of snapshot[index]!) variables.set(key, value);
    }
    this.step.load();
    if (norms.length === 0)
      throw new Problem('NON_FINITE_GRADIENT', 'The first step has no finite gradient: there is no norm to take max_norm from.');
    this.state.probe = { steps: norms.length, max_norm: rule.settle!(norms) };
  }

  private declareSeries(): void {
    const { reporter } = this.parts;
    reporter.declareSteps(this.moreColumns().map(([column]) => column));
    reporter.declareLayers(this.step.keys);
  }

  private validate(epoch: number): void {
    const { reporter, training } = this.parts;
    const { sum, steps } = this.state.epochLoss;
    this.state.epochLoss = { sum: 0, steps: 0 };
    const values = { loss: steps === 0 ? null : sum / steps, ...this.selectionMeasures() };
    reporter.row('epoch', this.state.step, { epoch, ...values });
    const rate = this.state.packed?.rate;
    if (rate) {
      if (rate.phase === 'commit') this.keepCommitted(rate, values.loss);
      return;
    }
    const restore = training.restore_best === 'auto' || training.restore_best === 'none' ? null : training.restore_best;
    const { state, isBest } = watched(
      this.state.watch,
      values,
      { restore, stopping: training.early_stopping },
      { step: this.state.step, epoch },
    );
    this.state.watch = state;
    if (isBest) this.best = this.present().weights;
  }

  /** Keeps the present weights where the epoch's training loss and their bits together are the lowest so far. */
  private keepCommitted(state: RateState, loss: number | null): void {
    const { weight } = this.parts.rate!;
    const { weights } = this.present();
    const bits = bitsOfAll(this.multiples(weights).values());
    const isLess = loss !== null && (state.kept === null || loss + weight * bits < state.kept.loss + weight * state.kept.bits);
    if (!isLess) return;
    state.kept = { step: this.state.step, loss, bits };
    this.best = weights;
  }

  /** What the selection split shows of the present weights; nothing where there is none. */
  private selectionMeasures(): Partial<Record<Monitored, number | null>> {
    const { data, reporter, training } = this.parts;
    if (data.split('selection').size === 0) return {};
    const scores = evaluate(
      (batch) => this.step.predict(batch),
      this.document.graph,
      data,
      'selection',
      this.loss,
      training,
      this.checkCancelled,
    );
    for (const reason of undefinedMetrics(scores.metrics)) {
      reporter.warn('METRIC_UNDEFINED', `The selection split gives no value of ${reason}`);
    }
    return monitoredValues(scores);
  }

  private checkpoint(): void {
    this.step.store();
    this.state.clipping = this.clipping.memory();
    const path = join(this.parts.scratch, `checkpoint-${this.state.step}.safetensors`);
    const arrays = new Map<string, StoredArray>(this.variables.stored());
    for (const [name, weight] of this.best ?? []) arrays.set(`best/${name}`, weight);
    for (const [name, weight] of this.earlier ?? []) arrays.set(`earlier/${name}`, weight);
    for (const [name, mask] of this.masks) {
      arrays.set(`masks/${name}`, { shape: this.variables.weights.shape(name), data: mask as Uint8Array<ArrayBuffer> });
    }
    const beside = this.parts.beside?.kept();
    for (const [name, array] of beside?.arrays ?? []) arrays.set(`${BESIDE}${name}`, array);
    writeCheckpoint(path, { state: { run: this.state, config: this.document.config, beside: beside?.state ?? null }, arrays });
    const { best } = this.state.watch;
    // The best of one run says nothing of the others.
    this.parts.reporter.checkpoint(this.state.step, path, !this.parts.beside?.severalRuns && best?.step === this.state.step ? best : null);
    this.lastCheckpoint = performance.now();
    this.storedStep = this.state.step;
  }

  /** The series `step` has these columns besides its own. */
  private moreColumns(): MoreColumn[] {
    return moreColumns(this.parts, this.state, { loss: this.loss, taught: this.teacher !== null });
  }

  private making(): StepMaking {
    const { parts: asked, state, variables, loss, optimizer, clipping, teacher, pool } = this;
    return { asked, state, graph: this.document.graph, variables, loss, optimizer, clipping, teacher, pool };
  }

  private disposeVariables(): void {
    this.step.dispose();
    this.masks = new Map();
    this.variables.clear();
  }
}
