/**
 * A job that is interrupted and goes on from its checkpoints ends as one that was left alone: the same bytes, the same rows, the same cuts. Dropout, running
 * statistics, optimizer slots, masks and smaller shapes all have to come through the file.
 */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochOrder } from '../../src/dataset/batches.ts';
import type { DatasetFacts, DatasetFiles } from '../../src/dataset/facts.ts';
import { Cancelled } from '../../src/engine/cancelled.ts';
import { readCheckpoint, type StoredArray, writeCheckpoint } from '../../src/engine/checkpoint.ts';
import { runJob } from '../../src/engine/job.ts';
import { checkJob } from '../../src/jobs/check.ts';
import { JobSpec } from '../../src/jobs/spec/index.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { generator } from '../../src/random.ts';
import { fillDefaults } from '../../src/schema.ts';
import type { EngineFrame } from '../../src/worker/frames.ts';
import { checkedModel } from '../helpers/checked-model.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, layer, maxPooling, randomFill, sequential } from '../helpers/documents.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';
import { rowsOf, type SeriesRow } from '../helpers/series.ts';

const SIDE = 6;
const SPLITS = { train: 90, selection: 20, test: 20 };
const SAMPLES = SPLITS.train + SPLITS.selection + SPLITS.test;
// 90 samples in batches of 16: 6 steps an epoch, the last of 10 samples.
const EPOCHS = 3;
const STEPS = 6 * EPOCHS;

const folder = mkdtempSync(join(tmpdir(), 'espalier-resume-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const model = join(folder, 'model.keras');
const facts: DatasetFacts = {
  format: 'npz',
  x: { dtype: 'float32', shape: [SIDE, SIDE, 1], min: -6, max: 6, scale: 1 },
  y: { dtype: 'int32', shape: [], min: 0, max: 1, classes: 2 },
  samples: SAMPLES,
  splits: SPLITS,
  test_given: true,
};
const files = { x: join(folder, 'x'), y: join(folder, 'y'), order: join(folder, 'order') } satisfies DatasetFiles;
const overflowing = { ...files, x: join(folder, 'overflowing') };

beforeAll(async () => {
  const { normal } = generator(3, 'samples');
  const x = Float32Array.from({ length: SAMPLES * SIDE * SIDE }, normal);
  const y = Int32Array.from({ length: SAMPLES }, (_, sample) => (x[sample * SIDE * SIDE + 14]! > 0 ? 1 : 0));
  writeFileSync(files.x, x);
  writeFileSync(files.y, y);
  const order = generator(3, 'order').permutation(SAMPLES);
  writeFileSync(files.order, order);
  const huge = x.slice();
  huge.fill(3e38, order[0]! * SIDE * SIDE, (order[0]! + 1) * SIDE * SIDE);
  writeFileSync(overflowing.x, huge);
  const config = sequential(
    [SIDE, SIDE, 1],
    [
      conv2d('c', 6, 3, { padding: 'same', use_bias: false }),
      batchNormalization('n', { momentum: 0.8 }),
      layer('ReLU', 'r'),
      maxPooling('p'),
      layer('Dropout', 'first', { rate: 0.2 }),
      flatten('f'),
      dense('d', 12, { activation: 'relu' }),
      layer('Dropout', 'second', { rate: 0.4 }),
      dense('out', 2, { activation: 'softmax' }),
    ],
  );
  writeFileSync(model, await writeKeras(documentOf(config, randomFill(9))));
});

const TRAINING = { epochs: EPOCHS, batch_size: 16, optimizer: { type: 'adam', learning_rate: 0.01 } };
const TRAIN = {
  type: 'train',
  seed: 5,
  training: {
    ...TRAINING,
    clipping: { type: 'global_norm', max_norm: 0.5 },
    learning_rate_schedule: { type: 'cosine', warmup_steps: 3, final_fraction: 0.1 },
  },
};
/** On data of which one training sample overflows float32 in the first layer. */
const SKIPPING = { type: 'train', seed: 8, training: { ...TRAINING, on_non_finite: 'skip_step' } };
const POLYNOMIAL = {
  type: 'prune',
  seed: 6,
  pruning: {
    criterion: { type: 'taylor', calibration_batches: 2, calibration_batch_size: 16 },
    target: { sparsity: 0.7 },
    schedule: { type: 'polynomial', begin: 0.1, end: 0.75, every_steps: 3 },
  },
  fine_tuning: { ...TRAINING, optimizer: { type: 'sgd', learning_rate: 0.05, momentum: 0.9, nesterov: true } },
};
const SURGERY = {
  type: 'prune',
  seed: 4,
  pruning: {
    criterion: { type: 'magnitude' },
    target: { sparsity: 0.7 },
    schedule: { type: 'dynamic', begin: 0.1, every_steps: 2, gamma: 0.1 },
    after_cut: { learning_rate_warmup_steps: 3 },
  },
  fine_tuning: { ...TRAINING, ema: { momentum: 0.5 } },
};
const REGROWTH = {
  ...SURGERY,
  pruning: { ...SURGERY.pruning, schedule: { type: 'rigl', every_steps: 2 } },
};
/** What survivors go back to is cut along with them. */
const REWOUND = {
  ...SURGERY,
  pruning: {
    criterion: { type: 'taylor', calibration_batches: 2, calibration_batch_size: 16 },
    structure: { type: 'channels' },
    target: { macs: 0.5 },
    schedule: { type: 'rewind', begin: 1 / 3, rounds: 2, rewind_to: { step: 5 } },
  },
};
/** What else a run remembers: movements, marks, and the steps since the penalty began to grow; the teacher it reads again. */
const MOVEMENT = {
  ...SURGERY,
  pruning: {
    criterion: { type: 'movement' },
    target: { sparsity: 0.7 },
    schedule: { type: 'polynomial', every_steps: 3 },
    regularization: { type: 'growing_l2', increase: 0.1, every_steps: 2 },
  },
  fine_tuning: { ...TRAINING, distillation: { features: [{ teacher_layer: 'd', student_layer: 'd' }] } },
};
const ROUNDS = {
  type: 'prune',
  seed: 7,
  pruning: {
    criterion: { type: 'taylor', calibration_batches: 2, calibration_batch_size: 16 },
    structure: { type: 'channels' },
    target: { macs: 0.5 },
    schedule: { type: 'iterative', rounds: 3 },
  },
  fine_tuning: TRAINING,
};
/** Every cut begins a stage; one layer gives its own fraction. */
const GROWING = {
  ...ROUNDS,
  pruning: {
    ...ROUNDS.pruning,
    layers: { overrides: { d: { sparsity: 0.5 } } },
    schedule: { type: 'polynomial', begin: 0.1, every_steps: 3 },
  },
};

/** In an epoch, at the end of one (and of a round), a step after that; and several times over, up to the last step. */
const OFTEN = [[4, 6, 9, 12, STEPS - 1]];
const PLACES = [[1], [6], [13], ...OFTEN];

type Posted = Record<string, unknown>;

interface Attempt {
  frames: EngineFrame[];
  /** Where the job's checkpoints lie, by step. */
  checkpoints: Map<number, string>;
  rows: SeriesRow[];
  cancelled: boolean;
}

/** Runs the job from a checkpoint file, with a checkpoint after every step; ends it once the one of step `until` is written. */
async function attempt(
  posted: Posted,
  resume: string | null,
  until = Number.POSITIVE_INFINITY,
  { checkpointIntervalSeconds = 0, isCancelled = (_frames: readonly EngineFrame[]): boolean => false } = {},
): Promise<Attempt> {
  const asked = fillDefaults(JobSpec, { ...posted, model_id: 'mdl_0', dataset_id: 'dst_0' });
  const { spec } = await checkJob(asked, checkedModel(await readModel(model)), facts);
  const frames: EngineFrame[] = [];
  const checkpoints = new Map<number, string>();
  let cancelled = false;
  await runJob(
    {
      kind: 'run',
      job_id: 'job',
      attempt: 1,
      spec,
      model_path: model,
      further_models: {},
      dataset: { facts, files: posted.training === SKIPPING.training ? overflowing : files },
      resume_path: resume,
      scratch: mkdtempSync(join(folder, 'attempt-')),
      checkpoint_interval_s: checkpointIntervalSeconds,
    },
    {
      emit(frame) {
        frames.push(frame);
        if (frame.kind === 'checkpoint') checkpoints.set(frame.step, frame.path);
      },
      cancelled: () => checkpoints.has(until) || isCancelled(frames),
      pauseRequested: () => false,
    },
  ).catch((error: unknown) => {
    if (!(error instanceof Cancelled)) throw error;
    cancelled = true;
  });
  return { frames, checkpoints, rows: rowsOf(frames), cancelled };
}

/** What a finished attempt leaves that must not depend on when it was interrupted; latencies and seconds do. */
function endOf({ frames }: Attempt) {
  const finished = frames.find((frame) => frame.kind === 'finished');
  if (!finished) return expect.fail('The job has not finished');
  const {
    receipt,
    cuts = [],
    seconds: _,
    ...result
  } = finished.result as {
    receipt: { original: unknown; result: unknown; layers: unknown };
    cuts?: { seconds?: unknown }[];
    seconds: unknown;
  };
  const bytes = (role: string) => readFileSync(finished.outputs.find((output) => output.role === role)!.path).toString('base64');
  return {
    model: bytes('model'),
    predictions: bytes('predictions'),
    result,
    cuts: cuts.map(({ seconds: _, ...cut }) => cut),
    costs: [receipt.original, receipt.result, receipt.layers],
  };
}

describe.each([
  { what: 'training', posted: TRAIN, fewestCuts: 0, skipped: 0 },
  { what: 'training that skips a step an epoch', posted: SKIPPING, fewestCuts: 0, skipped: EPOCHS },
  { what: 'pruning by a polynomial schedule', posted: POLYNOMIAL, fewestCuts: 6, skipped: 0 },
  { what: 'removing channels in rounds', posted: ROUNDS, fewestCuts: 3, skipped: 0 },
  { what: 'removing channels by a polynomial schedule', posted: GROWING, fewestCuts: 3, skipped: 0, at: OFTEN },
  { what: 'masks that move both ways', posted: SURGERY, fewestCuts: 4, skipped: 0, at: OFTEN },
  { what: 'masks by movement with a penalty and a teacher', posted: MOVEMENT, fewestCuts: 4, skipped: 0, at: OFTEN },
  { what: 'survivors that go back', posted: REWOUND, fewestCuts: 2, skipped: 0, at: [[4, 6, 9, 13, STEPS - 1]] },
  { what: 'weights that change places', posted: REGROWTH, fewestCuts: 4, skipped: 0, at: OFTEN },
] satisfies { what: string; posted: Posted; fewestCuts: number; skipped: number; at?: number[][] }[])(
  '$what',
  ({ posted, fewestCuts, skipped, at: places = PLACES }) => {
    let undisturbed: Attempt;
    beforeAll(async () => {
      undisturbed = await attempt(posted, null);
    });

    it('has what an interruption could lose: state after every step, a loss that moves, its cuts and skipped steps', () => {
      expect([...undisturbed.checkpoints.keys()]).toEqual(Array.from({ length: STEPS - 1 }, (_, at) => at + 1));
      const of = (name: SeriesRow['series']) => undisturbed.rows.filter(({ series }) => series === name);
      expect(of('step').map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, at) => at + 1));
      expect(new Set(of('step').map(({ values }) => values.loss)).size).toBeGreaterThanOrEqual(STEPS - skipped);
      expect(of('step').at(-1)!.values.skipped_steps).toBe(skipped);
      expect(of('epoch')).toHaveLength(EPOCHS);
      expect(of('prune').length).toBeGreaterThanOrEqual(fewestCuts);
      const clipped = of('step').filter(({ values }) => values.clipped === 1).length;
      if (posted === TRAIN) expect(clipped).toBeGreaterThan(STEPS / 3);
    });

    it.each(places.map((at) => [at]))('ends the same when it is interrupted after %j', async (at) => {
      let resume: string | null = null;
      let from: number | null = null;
      const rows: SeriesRow[] = [];
      for (const until of at) {
        const broken: Attempt = await attempt(posted, resume, until);
        expect(broken.cancelled).toBe(true);
        expect(broken.frames).toContainEqual({ kind: 'started', resumed_from_step: from });
        rows.push(...broken.rows);
        resume = broken.checkpoints.get(until)!;
        from = until;
      }
      const last = await attempt(posted, resume);
      expect(last.frames).toContainEqual({ kind: 'started', resumed_from_step: from });
      expect([...rows, ...last.rows]).toEqual(undisturbed.rows);
      expect(endOf(last)).toEqual(endOf(undisturbed));
    });
  },
);

it('starts over, and says so, where the checkpoint is of another version', async () => {
  const undisturbed = await attempt(TRAIN, null);
  const other = join(folder, 'other.safetensors');
  const bytes = readFileSync(undisturbed.checkpoints.get(9)!);
  const format = bytes.indexOf('"format":"1"');
  expect(format).toBeGreaterThan(0);
  bytes.write('"format":"9"', format);
  writeFileSync(other, bytes);
  const again = await attempt(TRAIN, other);
  expect(again.frames).toContainEqual({ kind: 'started', resumed_from_step: null });
  expect(again.frames).toContainEqual({
    kind: 'warning',
    warning: { code: 'CHECKPOINT_FORMAT_UNKNOWN', detail: expect.stringContaining('another version') },
  });
  expect(again.rows).toEqual(undisturbed.rows);
  expect(endOf(again)).toEqual(endOf(undisturbed));
});

it('a skipped step updates nothing and does not count in Adam’s bias correction', async () => {
  let seed = 0;
  while (!epochOrder(seed, 0, SPLITS.train).subarray(0, 16).includes(0)) seed++;
  const { checkpoints, rows } = await attempt({ ...SKIPPING, seed }, null, 2);
  expect(rows.filter(({ series }) => series === 'step').map(({ values }) => values.skipped_steps)).toEqual([1, 1]);
  const [skipped, updated] = [1, 2].map((step) => readCheckpoint(checkpoints.get(step)!)!.arrays);
  const original = await readModel(model);
  for (const [key, { data }] of original.weights) expectSameBits(skipped!.get(`weights/${key}`)!.data, data, key);
  for (const [key, { data }] of skipped!) if (key.startsWith('slots/')) expect(data.every((value) => value === 0)).toBe(true);
  expectMovedByRate(skipped!, updated!);
});

it('Adam starts afresh behind a cut, its bias correction included', async () => {
  const { checkpoints } = await attempt(ROUNDS, null, STEPS / 3 + 1);
  const [cut, updated] = [0, 1].map((later) => readCheckpoint(checkpoints.get(STEPS / 3 + later)!)!.arrays);
  expect(updated!.get('weights/c/kernel')!.shape.at(-1)).toBeLessThan(cut!.get('weights/c/kernel')!.shape.at(-1)!);
  expectMovedByRate(cut!, updated!);
});

/** Adam's first update moves a weight by the learning rate, whatever its gradient; counted as the second or seventh it would be 0.744 or 0.507 of that. */
function expectMovedByRate(before: ReadonlyMap<string, StoredArray>, after: ReadonlyMap<string, StoredArray>): void {
  const [from, to] = [before, after].map((arrays) => arrays.get('weights/out/bias')!.data);
  const moved = [...to!].map((value, at) => Math.abs(value - from![at]!));
  expectClose(moved, [0.01, 0.01], { relative: 1e-4 });
}

describe('a checkpoint file', () => {
  const path = join(folder, 'some.safetensors');
  const stored = {
    state: { run: { step: 3 }, text: 'ü "quoted"' },
    arrays: new Map([
      ['weights/a', { shape: [2, 2], data: Float32Array.of(-0, Number.NaN, 1e-45, Number.NEGATIVE_INFINITY) }],
      ['masks/a', { shape: [3], data: Uint8Array.of(1, 0, 1) }],
      ['slots/a:m', { shape: [1], data: Float32Array.of(Math.PI) }],
      ['weights/empty', { shape: [0], data: new Float32Array(0) }],
    ]),
  };

  it('gives back state and arrays to the bit', () => {
    writeCheckpoint(path, stored);
    const read = readCheckpoint(path)!;
    expect(read.state).toEqual(stored.state);
    expect([...read.arrays.keys()]).toEqual([...stored.arrays.keys()]);
    for (const [name, { shape, data }] of stored.arrays) {
      const back = read.arrays.get(name)!;
      expect(back.shape).toEqual(shape);
      expect(back.data.constructor).toBe(data.constructor);
      expect(Buffer.from(back.data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
    }
  });

  it('is not read where its end is missing', () => {
    writeCheckpoint(path, { ...stored, arrays: new Map([...stored.arrays].reverse()) });
    truncateSync(path, readFileSync(path).length - 1);
    expect(() => readCheckpoint(path)).toThrow('The checkpoint ends inside weights/a');
  });
});

it('a job that is cancelled before its first checkpoint leaves one of the step it was at, and none where it had taken no step', async () => {
  let asked = 0;
  const after = (times: number) => {
    asked = 0;
    const isCancelled = (frames: readonly EngineFrame[]) => frames.some(({ kind }) => kind === 'started') && ++asked > times;
    return { checkpointIntervalSeconds: 3_600, isCancelled };
  };
  const early = await attempt(TRAIN, null, undefined, after(0));
  expect(early).toMatchObject({ cancelled: true, checkpoints: new Map() });
  const broken = await attempt(TRAIN, null, undefined, after(3));
  expect(broken.cancelled).toBe(true);
  const [[step, path], ...rest] = [...broken.checkpoints] as [[number, string]];
  expect(rest).toEqual([]);
  expect(step).toBeGreaterThan(0);
  expect(endOf(await attempt(TRAIN, path))).toEqual(endOf(await attempt(TRAIN, null)));
});
