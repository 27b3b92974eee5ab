/** A step under a teacher against stock Keras, both kinds of step against one another, and penalties and movement scores by hand. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { coefficientAt } from '../../src/engine/step/penalty.ts';
import { Variables } from '../../src/engine/variables.ts';
import { Distillation, Regularization } from '../../src/jobs/spec/index.ts';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { fillDefaults } from '../../src/schema.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn, stepOf, type TestStepOptions } from '../helpers/engine.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';

const keras = startKeras();
const BATCH = 6;
const KINDS = ['eager', 'captured'] as const;

const network = (activation: string, seed: number) =>
  documentOf(sequential([4], [dense('h', 5, { activation: 'relu' }), dense('out', 3, { activation })]), randomFill(seed));
const x = drawn([BATCH, 4], 'inputs');
const teacherOf = ({ graph, weights }: ModelDocument, options: Record<string, unknown>) => {
  const held = Variables.from(weights);
  onTestFinished(() => held.dispose());
  return { graph, weights: held, options: fillDefaults(Distillation, options) };
};
const sent = ({ weights }: ModelDocument) =>
  Object.fromEntries([...weights].map(([key, { shape, data }]) => [key, { shape: [...shape], data } as KerasArray]));

const CASES = [
  {
    loss: 'sparse_categorical_crossentropy',
    activation: 'softmax',
    y: array([BATCH], [0, 1, 2, 1, 0, 2]),
    temperature: 4,
    weight: 0.9,
    feature: 0.5,
  },
  {
    loss: 'sparse_categorical_crossentropy',
    activation: 'softmax',
    y: array([BATCH], [0, 1, 2, 1, 0, 2]),
    temperature: 1,
    weight: 0.3,
    feature: 0,
  },
  {
    loss: 'binary_crossentropy',
    activation: 'sigmoid',
    y: array(
      [BATCH, 3],
      Array.from({ length: 18 }, (_, at) => at % 2),
    ),
    temperature: 3,
    weight: 0.7,
    feature: 0,
  },
  { loss: 'mean_absolute_error', activation: 'linear', y: drawn([BATCH, 3], 'targets'), temperature: 4, weight: 0.6, feature: 2 },
] as const;

it('a student’s loss and gradients under a teacher are those of Keras, in parts of a batch as well', async () => {
  const [student, teacher] = [1, 2].map((seed) => network('linear', seed)) as [ModelDocument, ModelDocument];
  const asked = CASES.map(({ activation: _, ...given }) => ({ ...given, x, student: sent(student), teacher: sent(teacher) }));
  const answers = await keras.run<{ loss: number; lesson: number; gradients: Record<string, KerasArray> }[]>('distillation', asked);
  for (const [index, { loss, activation, y, temperature, weight, feature }] of CASES.entries()) {
    const expected = answers[index]!;
    const features = feature === 0 ? [] : [{ teacher_layer: 'h', student_layer: 'h', weight: feature }];
    const [own, taught] = [1, 2].map((seed) => network(activation, seed)) as [ModelDocument, ModelDocument];
    for (const kind of KINDS) {
      for (const microBatchSize of kind === 'eager' ? [undefined, 4] : [undefined]) {
        const options = {
          loss,
          teacher: teacherOf(taught, { temperature, weight, features }),
          ...(microBatchSize ? { microBatchSize } : {}),
        };
        const made = stepOf(own, options, kind);
        onTestFinished(() => made.dispose());
        const report = made.run(x, y, { learningRate: 1 });
        expectClose([report.loss, report.distillation!], [expected.loss, expected.lesson], { relative: 1e-5 }, `${loss} ${kind}`);
        for (const [key, { data }] of own.weights) {
          const moved = made.weights.value(key).data.map((value, at) => data[at]! - value);
          expectClose(moved, expected.gradients[key]!.data, { relative: 2e-5, absolute: 1e-6 }, `${key} under ${loss}, ${kind}`);
        }
      }
    }
  }
});

it('twenty captured steps under a teacher, a penalty and scores are twenty eager ones', () => {
  const mask = { 'h/kernel': Array.from({ length: 20 }, (_, at) => at % 3) };
  const options: TestStepOptions = {
    loss: 'sparse_categorical_crossentropy',
    optimizer: { type: 'adam' },
    clipping: { type: 'global_norm', max_norm: 0.5 },
    masking: 'shadow',
    microBatchSize: 4,
    movement: { rate: 0.01, learningRate: 0.1 },
    penalty: { type: 'group_lasso', keys: new Set(['h/kernel', 'out/kernel']) },
  };
  const [eager, captured] = KINDS.map((kind) => {
    const made = stepOf(network('softmax', 1), { ...options, scored: ['h/kernel'], teacher: teacherOf(network('softmax', 2), {}) }, kind);
    onTestFinished(() => made.dispose());
    made.mask(mask);
    for (let at = 0; at < 20; at++) {
      const report = made.run(drawn([BATCH, 4], `inputs ${at}`), CASES[0].y, { learningRate: 0.01 / (1 + at), penalty: 0.02 * at });
      expect(report.penalty! > 0).toBe(at > 0);
    }
    return made;
  });
  for (const key of eager!.weights.keys())
    expectClose(captured!.weights.value(key).data, eager!.weights.value(key).data, { relative: 1e-5, absolute: 1e-7 }, key);
  const [a, b] = [eager!, captured!].map((made) => made.scores.value('h/kernel').data);
  expectClose(b!, a!, { relative: 1e-4, absolute: 1e-8 });
  expect(a!.every((score) => score !== 0)).toBe(true);
});

describe.each(KINDS)('by hand, %s,', (kind) => {
  /** y = w·x without a bias, of a loss (y - t)² whose target is met: the loss's own gradient is 0. */
  const step = (weights: number[], options: TestStepOptions, shape = [weights.length, 1]) => {
    const units = shape[1]!;
    const plain = documentOf(sequential([shape[0]!], [dense('a', units, { use_bias: false })]), () => 0);
    const document = withWeights(plain, new Map([['a/kernel', { shape, data: Float32Array.from(weights) }]]));
    const made = stepOf(document, { penalty: null, ...options }, kind);
    onTestFinished(() => made.dispose());
    return made;
  };
  const zero = (count: number) => array([1, count], Array(count).fill(0));
  const keys = new Set(['a/kernel']);

  it('a group lasso pulls each unit towards 0 by its direction', () => {
    // Units are columns: (3, 4) of length 5 and (0, 2) of length 2. λ 0.5: gradients 0.5·(0.6, 0.8) and 0.5·(0, 1); value 0.5·7.
    const made = step([3, 0, 4, 2], { penalty: { type: 'group_lasso', keys } }, [2, 2]);
    const report = made.run(zero(2), zero(2), { learningRate: 1, penalty: 0.5 });
    expectClose([report.loss, report.penalty!, report.normBefore], [0, 3.5, Math.sqrt(0.5)], { relative: 1e-6, absolute: 1e-7 });
    expectClose(made.weights.value('a/kernel').data, [2.7, 0, 3.6, 1.5], { relative: 1e-6 });
  });

  it('an L1 penalty pulls all alike, and a growing L2 what is marked, by its size', () => {
    const even = step([2, -1, 0], { penalty: { type: 'l1_scale', keys } });
    expect(even.run(zero(3), zero(1), { learningRate: 1, penalty: 0.25 }).penalty).toBeCloseTo(0.75, 6);
    expectClose(even.weights.value('a/kernel').data, [1.75, -0.75, 0], { relative: 1e-6 });
    const marked = step([2, -1, 3], { penalty: { type: 'growing_l2', keys }, marked: { 'a/kernel': [1, 1, 0] } });
    // 0.25/2 · (4 + 1).
    expect(marked.run(zero(3), zero(1), { learningRate: 1, penalty: 0.25 }).penalty).toBeCloseTo(0.625, 6);
    expectClose(marked.weights.value('a/kernel').data, [1.5, -0.75, 3], { relative: 1e-6 });
  });

  it('a score rises where a weight moves away from 0, masked or not', () => {
    // y = 2·1 with the second weight masked; target 0: ∂L/∂ŵ = 2·2·(1, 5) = (4, 20). Rate 0.01·0.1/0.2: S = -0.005·(4·2, 20·-3).
    const made = step([2, -3], { masking: 'shadow', movement: { rate: 0.01, learningRate: 0.2 }, scored: ['a/kernel'] });
    made.mask({ 'a/kernel': [1, 0] });
    made.run(array([1, 2], [1, 5]), array([1, 1], [0]), { learningRate: 0.1 });
    expectClose(made.scores.value('a/kernel').data, [-0.04, 0.3], { relative: 1e-6 });
    expectClose(made.weights.value('a/kernel').data, [1.6, -3], { relative: 1e-6 });
  });
});

it('a growing coefficient grows in steps up to its ceiling', () => {
  const spec = fillDefaults(Regularization, { type: 'growing_l2', increase: 0.4, every_steps: 10, ceiling: 1 });
  expect([0, 9, 10, 20, 1000].map((step) => coefficientAt(spec, step))).toEqual([0.4, 0.4, 0.8, 1, 1]);
});
