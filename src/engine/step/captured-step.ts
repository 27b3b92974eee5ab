/**
 * The step as a TensorFlow graph: recorded once from an eager run, then one call a step. Weights, slots, averages, masks and, where they are given, the
 * data live in the graph's session; `store` and `load` carry them to and from the variables that the step was made of.
 */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { size } from '../../model/layers/index.ts';
import type { Masks } from '../../pruning/masks.ts';
import { Feed } from '../graph/feed.ts';
import type { DtypeName, TypedValues } from '../graph/native.ts';
import { Recorder } from '../graph/recorder.ts';
import { owned, remove, Session, type TensorNumber, taken } from '../graph/session.ts';
import type { TaughtArrays } from '../pool/training-pool.ts';
import { scope } from '../scope.ts';
import { tf } from '../tensorflow.ts';
import { Variables } from '../variables.ts';
import { type BatchFormat, decoded, rawTensors } from './batch-format.ts';
import { HeldData } from './held-data.ts';
import { maskVariables, silence } from './masking.ts';
import { drawOf, partsOf } from './parts.ts';
import { type BatchTensors, type Pass, type StepParts, StepProgram } from './program.ts';
import { lengthsFrom, measuredFrom, reportOf, verdictOf } from './report.ts';
import { BatchSums } from './sums.ts';
import {
  type HostBatch,
  type PredictionBatch,
  type StepPosition,
  type StepReport,
  type StepVariables,
  type TrainingStep,
  VARIABLE_KINDS,
} from './training-step.ts';

export interface CaptureSizes {
  /** Samples of the batches that will come: the full one, and the last one of an epoch where it has fewer. */
  batches: readonly number[];
  /** Samples of the batches that `predict` is given. */
  predictions: readonly number[];
}

/** What a run is given under a name. */
type Given = readonly [name: string, tensor: TensorNumber];

export class CapturedStep implements TrainingStep {
  readonly kind = 'captured';
  readonly keys: readonly string[];
  private readonly parts: StepParts;
  private readonly format: BatchFormat;
  private readonly held: TaughtArrays | null;
  private readonly sizes: CaptureSizes;
  private readonly program: StepProgram;
  private session: Session | null = null;
  /** What runs of the session are given, by name. */
  private readonly feeds = new Map<string, Feed>();
  private masks: Masks = new Map();
  /** Whose variables have the same numbers in the session and outside: carried over, and no step since. */
  private readonly carried = new Set<keyof StepVariables>();

  /** `held` is the data set, where the session is to hold it. Nothing is recorded before the first run. */
  constructor(parts: StepParts, format: BatchFormat, held: TaughtArrays | null, sizes: CaptureSizes) {
    this.parts = parts;
    this.format = format;
    this.held = held;
    this.sizes = sizes;
    this.program = new StepProgram(parts);
    this.program.prepare(parts.variables);
    this.keys = this.program.tensors.map(({ key }) => key);
  }

  run(batch: HostBatch, at: StepPosition): StepReport {
    const session = this.ready();
    this.carried.clear();
    const pieces = partsOf(batch, this.parts.microBatchSize);
    const numbers = this.program.numbers(at);
    if (pieces.length > 1) {
      fetch(session, [], ['reset']);
      for (const [index, piece] of pieces.entries()) this.accumulate(session, piece, piece.count / batch.count, drawOf(at.step, index));
    }
    const given = [this.give('step', Int32Array.of(at.step), [], 'int32'), this.give('numbers', numbers, [numbers.length], 'float32')];
    if (pieces.length > 1) return this.finish(session, 'sums', given, at);
    return this.finish(session, `${batch.count}`, [...given, ...this.giveBatch(batch)], at);
  }

  setMasks(masks: Masks): void {
    const { session } = this;
    const sameKeys = masks.size === this.masks.size && [...masks.keys()].every((key) => this.masks.has(key));
    if (session && sameKeys) {
      // In their first order, by which the graph names them.
      this.masks = new Map([...this.masks.keys()].map((key) => [key, masks.get(key)!]));
      this.loadMasks(session);
      if (this.parts.masking !== 'final' || masks.size === 0) return;
      fetch(session, [], ['silence']);
      this.carried.clear();
      return;
    }
    this.store();
    this.masks = masks;
    if (this.parts.masking === 'final') {
      const variables = maskVariables(masks, this.parts.variables.weights);
      silence(variables, this.parts.variables, this.parts.optimizer.slots);
      variables.dispose();
    }
    this.forget();
  }

  store(kinds: readonly (keyof StepVariables)[] = VARIABLE_KINDS): void {
    const { session } = this;
    if (!session) return;
    const behind = kinds.filter((kind) => !this.carried.has(kind));
    const all = [...namesOf(this.parts.variables, behind)];
    const values = session.get(all.map(([name]) => name));
    for (const [index, [, variables, key]] of all.entries()) {
      variables.set(key, { shape: variables.shape(key), data: values[index] as Float32Array<ArrayBuffer> });
    }
    for (const kind of behind) this.carried.add(kind);
  }

  load(kinds: readonly (keyof StepVariables)[] = VARIABLE_KINDS): void {
    const { session } = this;
    if (!session) return;
    for (const [name, variables, key] of namesOf(this.parts.variables, kinds)) {
      session.set(name, variables.value(key).data, variables.shape(key));
    }
    for (const kind of kinds) this.carried.add(kind);
    if (kinds === VARIABLE_KINDS) this.loadMasks(session);
  }

  private loadMasks(session: Session): void {
    for (const [index, [key, mask]] of [...this.masks].entries()) {
      session.set(`masks/${index}`, Float32Array.from(mask), this.parts.variables.weights.shape(key));
    }
  }

  predict({ count, rows, inputs }: PredictionBatch): Float32Array {
    const session = this.ready();
    const given = this.held
      ? this.give(`rows_${count}`, rowsOf(rows), [count], 'int32')
      : this.give(`inputs_${count}`, inputs(), [count, ...this.format.sample], 'float32');
    return fetch(session, [given], [`predict_${count}`])[0] as Float32Array;
  }

  dispose(): void {
    this.forget();
  }

  private forget(): void {
    this.session?.dispose();
    this.session = null;
    for (const feed of this.feeds.values()) feed.dispose();
    this.feeds.clear();
  }

  /** Values under the name of what the graph is fed. */
  private give(name: string, values: TypedValues, shape: readonly number[], dtype: DtypeName): Given {
    let feed = this.feeds.get(name);
    if (!feed) {
      feed = new Feed(shape, dtype);
      this.feeds.set(name, feed);
    }
    return [name, feed.with(values)];
  }

  /** Runs the part of the graph that ends a batch, and again with what it could not measure itself. */
  private finish(session: Session, suffix: string, given: readonly Given[], at: StepPosition): StepReport {
    const fetches = at.layers ? [`metrics_${suffix}`, `layers_${suffix}`] : [`metrics_${suffix}`];
    let [metrics, layers] = fetch(session, given, fetches);
    let measured = measuredFrom(metrics as Float32Array);
    if (!measured.ok) {
      const [diagnosis] = fetch(session, given, [`diagnosis_${suffix}`]);
      const verdict = verdictOf(measured, diagnosis as Float32Array, this.keys);
      if (verdict.kind === 'fault') return reportOf(measured, verdict, null);
      const overridden: Given[] = [
        [`lengths_${suffix}`, owned(verdict.lengths, [verdict.lengths.length], 'float32')],
        [`ok_${suffix}`, owned(Uint8Array.of(1), [], 'bool')],
      ];
      [metrics, layers] = fetch(session, [...given, ...overridden], fetches);
      for (const [, tensor] of overridden) remove(tensor);
      measured = measuredFrom(metrics as Float32Array);
    }
    this.parts.clipping.observe(measured.normBefore, measured.normAfter);
    return reportOf(measured, null, layers ? lengthsFrom(measured, layers as Float32Array) : null);
  }

  private accumulate(session: Session, piece: HostBatch, share: number, draw: number): void {
    const given = [
      this.give('step', Int32Array.of(draw), [], 'int32'),
      this.give('share', Float32Array.of(share), [], 'float32'),
      ...this.giveBatch(piece),
    ];
    fetch(session, given, [`part_${piece.count}`]);
  }

  private giveBatch({ count, rows, read }: HostBatch): Given[] {
    if (this.held) return [this.give(`rows_${count}`, rowsOf(rows), [count], 'int32')];
    const { x, y, w, lesson } = read();
    const { stored, storedType, target, targetType, weighted, lesson: said } = this.format;
    const given = [this.give(`x_${count}`, x, [count, ...stored], storedType)];
    if (y) given.push(this.give(`y_${count}`, y, [count, ...target], targetType));
    if (weighted && w) given.push(this.give(`w_${count}`, w, [count], 'float32'));
    if (said && lesson) given.push(this.give(`lesson_${count}`, lesson, [count, ...said], 'float32'));
    return given;
  }

  /** The session; recorded and loaded where there is none. Throws CaptureFailed; the variables are then as they were. */
  private ready(): Session {
    if (this.session) return this.session;
    try {
      this.session = this.captured();
    } catch (error) {
      throw new CaptureFailed((error as Error).message, { cause: error });
    }
    this.load();
    return this.session;
  }

  private captured(): Session {
    const recorder = new Recorder();
    const scratch = copiesOf(this.parts.variables);
    const masks = maskVariables(this.masks, this.parts.variables.weights);
    const held = this.held && new HeldData(this.held, this.format);
    const program = new StepProgram({ ...this.parts, variables: scratch });
    const { whole, partial } = this.countsOf();
    const sums = partial.size > 0 ? new BatchSums(program, scratch.weights, this.parts.graph) : null;
    try {
      for (const [name, variables, key] of namesOf(scratch)) recorder.variable(name, variables.handle(key), variables.shape(key));
      for (const [name, handle, shape] of teacherOf(this.parts)) recorder.variable(name, handle, shape);
      for (const [index, key] of masks.keys().entries()) recorder.variable(`masks/${index}`, masks.handle(key), masks.shape(key));
      for (const [name, handle, shape] of sums?.variables() ?? []) recorder.variable(name, handle, shape);
      for (const { name, handle, shape, type } of held?.variables() ?? []) recorder.variable(name, handle, shape, type);
      this.recordWhole(recorder, program, masks, held, whole);
      if (sums) this.recordParts(recorder, program, masks, held, partial, sums);
      this.recordPredictions(recorder, program, masks, held);
      if (this.parts.masking === 'final' && masks.keys().length > 0) {
        scope(() =>
          recorder.record(() => {
            silence(masks, scratch, this.parts.optimizer.slots);
            recorder.output('silence', tf.scalar(0));
          }),
        );
      }
    } finally {
      for (const variables of [...Object.values(scratch), masks]) variables.dispose();
      sums?.dispose();
      held?.dispose();
    }
    const session = new Session(recorder.nodes);
    try {
      for (const [name, , shape, key] of teacherOf(this.parts)) session.set(name, this.parts.teacher!.weights.value(key).data, shape);
      for (const { name, values, shape, type } of held?.variables() ?? []) session.set(name, values, shape, type);
    } catch (error) {
      session.dispose();
      throw error;
    }
    return session;
  }

  /** Samples of batches that are computed whole, and of parts of those that are not. */
  private countsOf(): { whole: Set<number>; partial: Set<number> } {
    const { microBatchSize } = this.parts;
    const whole = new Set<number>();
    const partial = new Set<number>();
    for (const count of this.sizes.batches) {
      if (microBatchSize === null || count <= microBatchSize) whole.add(count);
      else for (const size of [microBatchSize, count % microBatchSize]) if (size > 0) partial.add(size);
    }
    return { whole, partial };
  }

  private recordWhole(recorder: Recorder, program: StepProgram, masks: Variables, held: HeldData | null, counts: Iterable<number>): void {
    for (const count of counts) {
      withFeeds(recorder, program, (feeds) => {
        const read = this.batchReader(recorder, held, count);
        recorder.record(() => end(recorder, program, `${count}`, program.pass(read(), feeds.step, masks), feeds.numbers, masks));
      });
    }
  }

  private recordParts(
    recorder: Recorder,
    program: StepProgram,
    masks: Variables,
    held: HeldData | null,
    counts: Iterable<number>,
    sums: BatchSums,
  ): void {
    for (const count of counts) {
      withFeeds(recorder, program, (feeds) => {
        const read = this.batchReader(recorder, held, count);
        recorder.record(() => {
          const pass = program.pass(read(), feeds.step, masks, sums.statistics());
          try {
            sums.add(pass, feeds.share);
            recorder.output(`part_${count}`, pass.loss);
          } finally {
            disposePass(pass);
          }
        });
      });
    }
    withFeeds(recorder, program, (feeds) => {
      recorder.record(() => {
        sums.reset();
        recorder.output('reset', tf.scalar(0));
      });
      recorder.record(() => end(recorder, program, 'sums', sums.pass(), feeds.numbers, masks));
    });
  }

  private recordPredictions(recorder: Recorder, program: StepProgram, masks: Variables, held: HeldData | null): void {
    for (const count of new Set(this.sizes.predictions)) {
      scope(() => {
        const read = this.inputReader(recorder, held, count);
        recorder.record(() => recorder.peek(`predict_${count}`, program.predict(read(), masks)));
      });
    }
  }

  /** Declares a batch's feeds; what it gives makes tensors of them, as part of what is recorded. */
  private batchReader(recorder: Recorder, held: HeldData | null, count: number): () => BatchTensors {
    if (held) {
      const rows = tf.zeros([count], 'int32');
      recorder.feed(`rows_${count}`, rows);
      return () => held.batch(rows);
    }
    const { format } = this;
    const raw = rawTensors(format, emptyBatch(format, count));
    recorder.feed(`x_${count}`, raw.x, format.storedType);
    recorder.feed(`y_${count}`, raw.y, format.targetType);
    if (raw.w) recorder.feed(`w_${count}`, raw.w);
    if (raw.lesson) recorder.feed(`lesson_${count}`, raw.lesson);
    return () => ({ x: decoded(format, raw.x), y: raw.y, w: raw.w, lesson: raw.lesson });
  }

  private inputReader(recorder: Recorder, held: HeldData | null, count: number): () => Tensor {
    if (held) {
      const read = this.batchReader(recorder, held, count);
      return () => read().x;
    }
    const inputs = tf.zeros([count, ...this.format.sample]);
    recorder.feed(`inputs_${count}`, inputs);
    return () => inputs;
  }
}

/** Why a step cannot be captured: what cannot be recorded, or what TensorFlow says of the graph. */
export class CaptureFailed extends Error {}

function rowsOf(rows: Int32Array | null): Int32Array {
  if (!rows) throw new Error('The session holds the data; a batch needs the numbers of its rows');
  return rows;
}

/** Declares what every step is fed, for work that records with it. */
function withFeeds(
  recorder: Recorder,
  program: StepProgram,
  work: (feeds: { step: Tensor; numbers: Tensor; share: Tensor }) => void,
): void {
  const numbers = program.numbers({
    step: 0,
    optimizerStep: 0,
    learningRate: 0,
    thresholdStep: 0,
    penalty: 0,
    bit: 0,
    pull: 0,
    layers: false,
  });
  scope(() => {
    const feeds = { step: tf.scalar(0, 'int32'), numbers: tf.tensor1d(numbers), share: tf.scalar(1) };
    for (const [name, tensor] of Object.entries(feeds)) recorder.feed(name, tensor);
    work(feeds);
  });
}

/** Clipping, guard, update and measurements behind a pass, with what they are fetched by. */
function end(recorder: Recorder, program: StepProgram, suffix: string, pass: Pass, numbers: Tensor, masks: Variables): void {
  try {
    const total = program.total(pass, numbers, masks);
    const { clipped, ok, metrics } = program.decide(total, numbers, {
      lengths: (measured) => recorder.named(`lengths_${suffix}`, measured),
      ok: (measured) => recorder.named(`ok_${suffix}`, measured),
    });
    recorder.peek(`diagnosis_${suffix}`, program.diagnosis(total.gradients));
    const none = tf.fill([3 * pass.gradients.length], Number.NaN);
    let layers: Tensor | null = null;
    recorder.whenever(ok, () => {
      program.update(clipped.values, total, numbers);
      layers = program.layerLengths(clipped.values, pass.weights);
    });
    recorder.output(`metrics_${suffix}`, metrics);
    recorder.output(`layers_${suffix}`, layers!, none);
  } finally {
    disposePass(pass);
  }
}

function disposePass({ shown, moved }: Pass): void {
  tf.dispose([shown, ...moved.values()]);
}

/** One run; the values of what is fetched. */
function fetch(session: Session, given: readonly Given[], fetches: readonly string[]) {
  const outputs = session.run(
    given.map(([, tensor]) => tensor),
    given.map(([name]) => `${name}:0`).join(),
    fetches.map((name) => `${name}:0`).join(),
  );
  return outputs.map(taken);
}

/** Every variable of a step with its name in the graph: keys may hold characters that a node's name may not. */
function* namesOf(
  variables: StepVariables,
  kinds: readonly (keyof StepVariables)[] = VARIABLE_KINDS,
): Generator<[name: string, variables: Variables, key: string]> {
  for (const kind of kinds) {
    for (const [index, key] of variables[kind].keys().entries()) yield [`${kind}/${index}`, variables[kind], key];
  }
}

/** The weights of the teacher, which no step changes: they are read from the variables themselves while a step is recorded. */
function* teacherOf({ teacher }: StepParts): Generator<[name: string, handle: Tensor, shape: readonly number[], key: string]> {
  if (!teacher) return;
  const { weights } = teacher;
  for (const [index, key] of weights.keys().entries()) yield [`teacher/${index}`, weights.handle(key), weights.shape(key), key];
}

/** Recording takes a real step, which these are for. */
function copiesOf(variables: StepVariables): StepVariables {
  const copy = (from: Variables): Variables => {
    const to = new Variables();
    for (const key of from.keys()) tf.tidy(() => to.assign(key, tf.add(from.read(key), 0)));
    return to;
  };
  return Object.fromEntries(VARIABLE_KINDS.map((kind) => [kind, copy(variables[kind])])) as Record<keyof StepVariables, Variables>;
}

function emptyBatch({ stored, storedType, target, targetType, weighted, lesson }: BatchFormat, count: number) {
  const width = (shape: readonly number[]): number => count * size(shape);
  const x =
    storedType === 'uint8'
      ? new Uint8Array(width(stored))
      : storedType === 'int32'
        ? new Int32Array(width(stored))
        : new Float32Array(width(stored));
  const y = targetType === 'int32' ? new Int32Array(width(target)) : new Float32Array(width(target));
  return { count, x, y, w: weighted ? new Float32Array(count) : null, lesson: lesson && new Float32Array(width(lesson)) };
}
