/**
 * Each clipping rule, as part of the captured and of the eager step, against `test/keras/clipping_reference.py` in NumPy: over 200 steps of a small real
 * training, whose weights and raw gradients are recorded first, batches with NaN and infinity among them.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import { scope } from '../../src/engine/scope.ts';
import { StepProgram } from '../../src/engine/step/program.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { Weights } from '../../src/model/document.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, layer, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn, stepOf, stepParts, tensorOf } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const keras = startKeras();
const STEPS = 200;
const BATCH = 8;
const RATE = 0.05;
/** Steps whose batch holds something that is not finite, the first and two in a row among them. */
const BROKEN = new Map([
  [0, Number.NaN],
  [17, Number.POSITIVE_INFINITY],
  [61, Number.NaN],
  [62, Number.NEGATIVE_INFINITY],
  [140, Number.NaN],
]);
const loss = 'sparse_categorical_crossentropy';

const config = sequential(
  [6, 6, 2],
  [
    conv2d('conv', 3, 3, { use_bias: false }),
    batchNormalization('norm', { momentum: 0.9 }),
    layer('ReLU', 'relu'),
    layer('DepthwiseConv2D', 'depthwise', { kernel_size: [2, 2], depth_multiplier: 2, padding: 'valid', strides: [1, 1], use_bias: true }),
    layer('Conv2DTranspose', 'transposed', { filters: 2, kernel_size: [2, 2], strides: [1, 1], padding: 'valid', use_bias: false }),
    flatten('flat'),
    dense('hidden', 6, { activation: 'tanh' }),
    dense('out', 3, { activation: 'softmax' }),
  ],
);
const KINDS: Record<string, string> = {
  'conv/kernel': 'conv',
  'depthwise/kernel': 'depthwise',
  'transposed/kernel': 'transposed',
  'hidden/kernel': 'dense',
  'out/kernel': 'dense',
};
const document = documentOf(config, randomFill(8));

/** Learnable images; every 23rd batch is an outlier, whose gradients are long. */
function batchAt(step: number): { x: KerasArray; y: KerasArray } {
  const x = drawn([BATCH, 6, 6, 2], `images ${step}`, step % 23 === 22 ? 12 : 1);
  const y = array(
    [BATCH],
    Array.from({ length: BATCH }, (_, at) => {
      const mean = x.data.subarray(at * 72, (at + 1) * 72).reduce((sum, value) => sum + value, 0) / 72;
      return mean < -0.05 ? 0 : mean < 0.05 ? 1 : 2;
    }),
  );
  const broken = BROKEN.get(step);
  if (broken !== undefined) x.data[step % x.data.length] = broken;
  return { x, y };
}

const BATCHES = Array.from({ length: STEPS }, (_, step) => batchAt(step));

interface Recording {
  keys: string[];
  /** All weights, statistics included, before each step. */
  weights: Weights[];
  /** Raw gradients of each step, by tensor. */
  gradients: Float32Array[][];
}

/** 200 steps of plain, unclipped SGD; steps that are not finite leave everything as it is. */
function recorded(): Recording {
  const parts = stepParts(document, { loss });
  const { weights } = parts.variables;
  const program = new StepProgram(parts);
  const none = new Variables();
  const recording: Recording = { keys: program.tensors.map(({ key }) => key), weights: [], gradients: [] };
  for (let step = 0; step < STEPS; step++) {
    recording.weights.push(weights.values());
    scope(() => {
      const { x, y } = BATCHES[step]!;
      const batch = { x: tensorOf(x), y: tf.tensor(Int32Array.from(y.data), y.shape, 'int32'), w: null, lesson: null };
      const { shown, gradients, moved } = program.pass(batch, tf.scalar(step, 'int32'), none);
      const values = gradients.map((gradient) => Float32Array.from(gradient.dataSync<'float32'>()));
      recording.gradients.push(values);
      if (!BROKEN.has(step)) {
        for (const [index, key] of recording.keys.entries()) {
          const { shape, data } = recording.weights[step]!.get(key)!;
          weights.set(key, { shape, data: data.map((value, at) => value - RATE * values[index]![at]!) });
        }
        for (const [key, value] of moved) weights.assign(key, value);
      }
      tf.dispose([shown, ...moved.values()]);
    });
  }
  for (const variables of Object.values(parts.variables)) (variables as Variables).dispose();
  return recording;
}

const RULES = [
  { type: 'none' },
  { type: 'value', clip_value: 0.02 },
  { type: 'norm', max_norm: 0.15 },
  { type: 'global_norm', max_norm: 0.4 },
  { type: 'agc', clip_factor: 0.05 },
  { type: 'agc', clip_factor: 0.02, epsilon: 0.1, include_output: true },
  { type: 'autoclip' },
  { type: 'autoclip', percentile: 65, history: 30 },
  { type: 'zclip' },
  { type: 'zclip', max_norm: null, z_threshold: 1.5, alpha: 0.9, warmup_steps: 10 },
];

interface Answer {
  before: KerasArray;
  after: KerasArray;
  threshold: KerasArray;
  fraction: KerasArray;
  held: KerasArray;
  weights: KerasArray[];
}

const recording = recorded();
const stacked = (ofStep: (step: number, index: number) => Float32Array): KerasArray[] =>
  recording.keys.map((key, index) => {
    const { shape } = document.weights.get(key)!;
    return { shape: [STEPS, ...shape], data: Float32Array.from(recording.weights.flatMap((_, step) => [...ofStep(step, index)])) };
  });
const answers = await keras.run<Answer[]>('clipping_reference', {
  tensors: recording.keys.map((key) => ({ kind: KINDS[key] ?? 'vector', last: key.startsWith('out/') })),
  gradients: stacked((step, index) => recording.gradients[step]![index]!),
  weights: stacked((step, index) => recording.weights[step]!.get(recording.keys[index]!)!.data),
  rules: RULES,
  rate: RATE,
});

describe.each(['captured', 'eager'] as const)('over 200 recorded steps the %s step', (kind) => {
  it.each(RULES.map((rule, index) => ({ rule, index })))('clips as NumPy does by $rule', ({ rule, index }) => {
    const expected = answers[index]!;
    const made = stepOf(document, { loss, clipping: rule, ema: 0.9 }, kind);
    onTestFinished(() => made.dispose());
    const { weights } = made;
    const bound = { clipped: 0, held: 0 };
    let averages: Weights = new Map();
    for (let step = 0; step < STEPS; step++) {
      const at = `at step ${step}`;
      const { x, y } = BATCHES[step]!;
      const start = recording.weights[step]!;
      for (const [key, value] of start) weights.set(key, value);
      if (step > 0) made.step.load();
      const report = made.run(x, y, { learningRate: RATE });
      made.step.store();
      const present = made.averages.values();
      if (expected.held.data[step] === 1) {
        bound.held++;
        expect(report.culprit, at).toBe('loss');
        expect(report.nonFinite, at).toBeGreaterThan(0);
        for (const [key, { data }] of start) expectSameBits(weights.value(key).data, data, `${key} ${at}`);
        for (const [key, { data }] of averages) expectSameBits(present.get(key)!.data, data, `average of ${key} ${at}`);
        continue;
      }
      averages = present;
      expect(report.culprit, at).toBeNull();
      if (report.clipped > 0) bound.clipped++;
      expectClose([report.normBefore], [expected.before.data[step]!], { relative: 1e-5 }, `norm ${at}`);
      expectClose([report.normAfter], [expected.after.data[step]!], { relative: 1e-5 }, `clipped norm ${at}`);
      expectClose([report.threshold ?? Number.NaN], [expected.threshold.data[step]!], { relative: 1e-5 }, `threshold ${at}`);
      expectClose([report.clipped], [expected.fraction.data[step]!], { relative: 1e-5, absolute: 1e-7 }, `fraction ${at}`);
      for (const [tensor, key] of recording.keys.entries()) {
        const { data } = expected.weights[tensor]!;
        const size = data.length / STEPS;
        expectClose(weights.value(key).data, data.subarray(step * size, (step + 1) * size), { relative: 1e-6 }, `${key} ${at}`);
      }
    }
    expect(bound.held).toBe(BROKEN.size);
    // The rule binds on some steps.
    if (rule.type === 'none') expect(bound.clipped).toBe(0);
    else expect(bound.clipped).toBeGreaterThan(5);
  });
});
