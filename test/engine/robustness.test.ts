import { describe, expect, it, onTestFinished } from 'vitest';
import type { DatasetFacts } from '../../src/dataset/facts.ts';
import { imageForm } from '../../src/dataset/image-form.ts';
import { inputShape } from '../../src/engine/batch.ts';
import { predictorOf } from '../../src/engine/evaluate.ts';
import { lossOf } from '../../src/engine/losses.ts';
import { attackedModel } from '../../src/engine/robustness/attacked-model.ts';
import { attack } from '../../src/engine/robustness/attacks.ts';
import { amountOf, corrupt } from '../../src/engine/robustness/corruptions.ts';
import { decisionsOf } from '../../src/engine/robustness/decisions.ts';
import { pixelScale } from '../../src/engine/robustness/pixels.ts';
import { drawnLike } from '../../src/engine/robustness/saliency.ts';
import { rawTensor } from '../../src/engine/step/batch-format.ts';
import { tf } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { generator } from '../../src/random.ts';
import type { Checks } from '../../src/report/checks/checks.ts';
import { datasetOf, storedDataset } from '../helpers/datasets.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, layer, maxPooling, randomFill, sequential } from '../helpers/documents.ts';
import { numbersOf } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import type { KerasArray } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const CANDIDATE = 'mdl_00000000000000000000000001';

/** Numbers from 0 to 1 with both of them. */
function images(shape: number[]): KerasArray {
  const { uniform } = generator(0, 'images');
  const data = Float32Array.from({ length: shape.reduce((product, axis) => product * axis, 1) }, () => uniform());
  data[0] = 0;
  data[1] = 1;
  return { shape, data };
}

const facts = (shape: number[], x: Partial<DatasetFacts['x']> = {}) =>
  ({ x: { dtype: 'float32', shape, min: 0, max: 1, scale: 1, ...x } }) as DatasetFacts;

/** A model that attacks see, of documents whose samples are pixels. */
function attackedOf(document: ModelDocument, shape: number[], batch: number, x: Partial<DatasetFacts['x']> = {}) {
  const own = facts(shape, x);
  const variables = Variables.from(document.weights);
  const scale = pixelScale(own, imageForm(own, shape)!);
  const model = attackedModel(document.graph, variables, scale, { batch, sample: inputShape(document.graph, shape) });
  onTestFinished(() => {
    model.dispose();
    variables.dispose();
  });
  return model;
}

describe('attacks', () => {
  const weights = [0.5, -1, 2, -0.25, 1, -1, 3, -3, 0, 1, -2, 0.125, -1, 1, -1, 1];
  // One logit, w·x: the gradient of the cross-entropy is (σ - y)·w.
  const linear = documentOf(
    sequential([4, 4], [flatten('f'), dense('out', 1, { activation: 'sigmoid', use_bias: false })]),
    (_, at) => weights[at]!,
  );
  const pixels = Float32Array.from({ length: 32 }, (_, at) => (at % 16) / 15);
  const labels = [1, 0];
  const expected = (epsilon: number) =>
    pixels.map((pixel, at) => {
      const sign = Math.sign(weights[at % 16]!) * (labels[Math.floor(at / 16)] === 1 ? -1 : 1);
      return Math.min(1, Math.max(0, pixel + epsilon * sign));
    });

  it.each(['fgsm', 'pgd'] as const)('%s of a linear model end in the corner that its weights say, cut to what pixels may be', (kind) => {
    const model = attackedOf(linear, [4, 4], 2);
    expect(model.fallback).toBe(null);
    const before = tf.memory().numTensors;
    const [given, numbers] = [rawTensor(pixels, [2, 4, 4, 1], 'float32'), rawTensor(Int32Array.from(labels), [2], 'int32')];
    const moved = attack(kind, model, given, numbers, { epsilon: 0.1, steps: 40, seed: 3, batch: 0, goesOn() {} });
    const found = numbersOf(moved);
    tf.dispose([given, numbers, moved]);
    // A weight of 0 gives no direction: PGD stays where it began there.
    for (const [at, value] of expected(0.1).entries()) if (weights[at % 16] !== 0) expect(found[at]).toBeCloseTo(value, 6);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('are those of pixels also where a model takes standardised numbers', () => {
    const standardised = { min: 0, max: 255, scale: 1 / 255, standardize: 'global', mean: [0.3], std: [0.2] } as const;
    const model = attackedOf(linear, [4, 4], 2, { ...standardised, mean: [0.3], std: [0.2] });
    const [given, numbers] = [rawTensor(pixels, [2, 4, 4, 1], 'float32'), rawTensor(Int32Array.from(labels), [2], 'int32')];
    const moved = attack('fgsm', model, given, numbers, { epsilon: 0.2, steps: 40, seed: 3, batch: 0, goesOn() {} });
    expectClose(
      numbersOf(moved),
      expected(0.2).map((value, at) => (weights[at % 16] === 0 ? pixels[at]! : value)),
      { absolute: 1e-6 },
    );
    const logit = pixels.subarray(0, 16).reduce((sum, pixel, at) => sum + weights[at]! * ((pixel - 0.3) / 0.2), 0);
    expect(model.logits(given)[0]).toBeCloseTo(logit, 4);
    // |w · input|.
    expectClose(
      model.saliency(given, numbers).subarray(0, 16),
      pixels.subarray(0, 16).map((pixel, at) => Math.abs(weights[at]! * ((pixel - 0.3) / 0.2))),
      { absolute: 1e-5 },
    );
    // The gradient of a linear model is the same at every noisy copy.
    const before = tf.memory().numTensors;
    const smooth = model.saliency(given, numbers, { samples: 4, deviation: 0.3, seed: 1, batch: 2 });
    expectClose(smooth, model.saliency(given, numbers), { absolute: 1e-5 });
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([given, numbers, moved]);
  });
});

describe('corruptions', () => {
  const x = images([2, 9, 7, 2]);
  const draw = { seed: 1, batch: 0 };
  const changed = (kind: Parameters<typeof corrupt>[0], amount: number, given = x) =>
    tf.tidy(() => {
      const made = corrupt(kind, amount, tf.tensor(given.data, given.shape), draw);
      return { values: numbersOf(made) } as never;
    }) as unknown as { values: Float32Array };
  const at = (image: number, y: number, column: number, channel: number) => ((image * 9 + y) * 7 + column) * 2 + channel;

  it('by contrast bring pixels nearer to the mean of their image and channel', () => {
    const { values } = changed('contrast', 0.3);
    let sum = 0;
    for (let y = 0; y < 9; y++) for (let column = 0; column < 7; column++) sum += x.data[at(1, y, column, 1)]!;
    const mean = sum / 63;
    expect(values[at(1, 4, 3, 1)]).toBeCloseTo(mean + 0.3 * (x.data[at(1, 4, 3, 1)]! - mean), 5);
  });

  it('by blur are means under a Gaussian, mirrored at the edges', () => {
    const { values } = changed('blur', 0.5);
    const weight = (distance: number) => Math.exp(-(distance ** 2) / 0.5);
    const mirrored = (place: number, size: number) => (place < 0 ? -place : place >= size ? 2 * size - 2 - place : place);
    let [sum, weights] = [0, 0];
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        const own = weight(dy) * weight(dx);
        sum += own * x.data[at(0, mirrored(dy, 9), mirrored(1 + dx, 7), 1)]!;
        weights += own;
      }
    }
    expect(values[at(0, 0, 1, 1)]).toBeCloseTo(sum / weights, 5);
  });

  it('by shift are the same image in another place', () => {
    const { values } = changed('shift', 1);
    const matches = [-1, 0, 1]
      .flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx] as const))
      .filter(([dy, dx]) => {
        for (let y = 1; y < 8; y++)
          for (let column = 1; column < 6; column++)
            if (values[at(0, y, column, 0)] !== x.data[at(0, y + dy, column + dx, 0)]) return false;
        return true;
      });
    expect(matches).toHaveLength(1);
    expect(matches[0]).not.toEqual([0, 0]);
  });

  it('by noise have its deviation, and the same draws each time', () => {
    const grey = { shape: [1, 64, 64, 1], data: new Float32Array(4096).fill(0.5) };
    const { values } = changed('gaussian_noise', 0.1, grey);
    expect(Math.sqrt(values.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / 4096)).toBeCloseTo(0.1, 2);
    expect(changed('gaussian_noise', 0.1, grey).values).toEqual(values);
  });

  it('grow with the image', () => {
    expect([1, 2, 3, 4, 5].map((severity) => amountOf('shift', severity as 1, 28))).toEqual([1, 2, 3, 4, 5]);
    expect(amountOf('blur', 5, 224)).toBe(7);
  });
});

describe('a job that asks for robustness', () => {
  const config = sequential(
    [8, 8, 1],
    [
      conv2d('conv', 4, 3, { activation: 'relu' }),
      batchNormalization('norm'),
      maxPooling('pool'),
      flatten('flat'),
      dense('out', 3, { activation: 'softmax' }),
    ],
  );
  const fill = randomFill(3);
  const original = documentOf(config, (key, at, role) => {
    if (key === 'norm/moving_variance' || key === 'norm/gamma') return 1;
    return fill(key, at, role);
  });

  /** Images that the original labels itself. */
  function selfLabelled(count: number) {
    const x = images([count, 8, 8]);
    const unlabelled = datasetOf(x, new Int32Array(count).fill(2), { test: count });
    const variables = Variables.from(original.weights);
    const loss = lossOf('sparse_categorical_crossentropy', { label_smoothing: 0, huber_delta: 1 });
    const predict = predictorOf(original.graph, (key) => variables.read(key), unlabelled, loss);
    const y = decisionsOf(predict({ count, rows: null, inputs: () => unlabelled.read('test', 0, count).x }), count);
    variables.dispose();
    return { x, y };
  }

  const job = (robustness: unknown, thresholds: Record<string, number> | null = null) => ({
    type: 'evaluate',
    candidate_model_id: CANDIDATE,
    evaluation: { robustness, thresholds, latency_batch_size: 1 },
  });
  const few = { inputs: 60, saliency_inputs: 40, pgd_steps: 5, epsilons: [0.3], corruptions: ['gaussian_noise', 'shift'] };

  it('finds nothing in a model that was not touched, and a last layer that was drawn anew', async () => {
    const { x, y } = selfLabelled(120);
    const { facts: own, files } = storedDataset(x, y, { test: 120 });
    const limits = { max_robust_accuracy_drop: 0, max_corrupted_accuracy_drop: 0, min_saliency_agreement: 0.99 };
    const same = await runPosted(job(few, limits), { document: original, facts: own, files, further: { [CANDIDATE]: original } });
    const untouched = same.result!.checks as Checks;
    expect(same.frames.filter(({ kind }) => kind === 'warning')).toEqual([]);
    expect(untouched).toMatchObject({ verdict: 'passed', flips: { flips: 0 }, most_changed: [] });
    const { robustness, saliency } = untouched;
    expect(saliency).toMatchObject({ inputs: 40, looked_at: 40, agrees: true, above_floor: 1, draws: 3 });
    expect(saliency!.agreement!.rank_correlation.value).toBeCloseTo(1, 12);
    expect(saliency!.agreement!.top_overlap.value).toBe(1);
    expect(saliency!.noise_floor!.rank_correlation.value).toBeLessThan(0.9);
    expect(robustness!.clean).toMatchObject({ original: { value: 1 }, result: { value: 1 }, difference: { value: 0 } });
    expect(robustness!.corruptions).toHaveLength(10);
    const [fgsm, pgd] = robustness!.attacks;
    expect(fgsm!.original.value).toBeLessThan(1);
    expect(pgd!.original.value).toBeLessThanOrEqual(fgsm!.original.value);
    for (const { original: before, result: after, transferred } of robustness!.attacks) {
      expect(after.value).toBe(before.value);
      expect([transferred.to_original.value, transferred.to_result.value]).toEqual([before.value, before.value]);
    }
    expect(robustness!.no_gradient).toEqual({ original: 0, result: 0 });

    const kernel = original.weights.get('out/kernel')!;
    // No draw of the floor itself.
    const redrawn = new Map([...original.weights, ['out/kernel', { ...kernel, data: drawnLike(kernel.data, 99, 7) }]]);
    const further = { [CANDIDATE]: { ...original, weights: redrawn } };
    const harmed = await runPosted(job(few, limits), { document: original, facts: own, files, further });
    const checks = harmed.result!.checks as Checks;
    expect(checks.saliency!.agrees).toBe(false);
    expect(checks.thresholds.find(({ name }) => name === 'min_saliency_agreement')).toMatchObject({ holds: false });
    expect(checks.most_changed).toHaveLength(6);
    const [most] = checks.most_changed!;
    expect(most!.picture).toMatch(/^data:image\/png;base64,/);
    expect(most!.saliency!.original).toMatch(/^data:image\/png;base64,/);
    expect(most!.label).toBe(y[most!.sample]);
  });

  it('looks into models that predict a number, with gradients smoothed where that is asked for', async () => {
    const predicts = documentOf(
      sequential(
        [8, 8, 1],
        [conv2d('conv', 4, 3, { activation: 'tanh' }), flatten('flat'), dense('hidden', 6, { activation: 'tanh' }), dense('out', 1)],
      ),
      fill,
    );
    const count = 60;
    const y = { shape: [count, 1], data: Float32Array.from({ length: count }, (_, at) => Math.sin(at)) };
    const stored = storedDataset(images([count, 8, 8]), y, { test: count });
    const smoothed = { attacks: [], corruptions: [], saliency_inputs: 40, saliency_smoothing: { samples: 4 } };
    const posted = { ...job(smoothed, { min_saliency_agreement: 0.9 }), loss: 'mean_squared_error' };
    const same = await runPosted(posted, { document: predicts, ...stored, further: { [CANDIDATE]: predicts } });
    expect(same.result!.checks).toMatchObject({
      verdict: 'passed',
      robustness: null,
      saliency: { inputs: 40, looked_at: 40, chosen: 'all', smoothing: { samples: 4, deviation: 0.1 }, above_floor: 1, agrees: true },
    });
    const kernel = predicts.weights.get('out/kernel')!;
    const redrawn = new Map([...predicts.weights, ['out/kernel', { ...kernel, data: drawnLike(kernel.data, 99, 7) }]]);
    const plain = { ...posted, evaluation: { ...posted.evaluation, robustness: true } };
    const harmed = await runPosted(plain, { document: predicts, ...stored, further: { [CANDIDATE]: { ...predicts, weights: redrawn } } });
    expect(harmed.result!.checks).toMatchObject({ verdict: 'failed', robustness: null, saliency: { agrees: false, smoothing: null } });
    const attacking = { ...posted, evaluation: { ...posted.evaluation, robustness: { ...smoothed, attacks: ['fgsm'] } } };
    const run = () => runPosted(attacking, { document: predicts, ...stored, further: { [CANDIDATE]: predicts } });
    await expectProblem(run, 'INCOMPATIBLE_OPTIONS', /attacks \[\] and corruptions \[\]/);
  });

  it('is refused where samples are no images, where nothing can be told, and where no gradient flows', async () => {
    const { x, y } = selfLabelled(30);
    const { facts: own, files } = storedDataset(x, y, { test: 30 });
    const input = { document: original, facts: own, files, further: { [CANDIDATE]: original } };
    const refused = (body: object, given: object, text: RegExp) =>
      expectProblem(() => runPosted(body as Record<string, unknown>, { ...input, ...given }), 'INCOMPATIBLE_OPTIONS', text);
    const flat = documentOf(sequential([6], [dense('out', 3, { activation: 'softmax' })]));
    const rows = storedDataset({ shape: [30, 6], data: x.data.slice(0, 180) }, y, { test: 30 });
    await refused(job(true), { document: flat, ...rows, further: { [CANDIDATE]: flat } }, /measured on images.*samples of/);
    const binned = documentOf(
      sequential(
        [8, 8, 1],
        [
          layer('Discretization', 'bins', { bin_boundaries: [0.5], output_mode: 'int' }),
          flatten('flat'),
          dense('out', 3, { activation: 'softmax' }),
        ],
      ),
    );
    await refused(job(true), { document: binned, further: { [CANDIDATE]: binned } }, /ends at bins/);
    await refused(
      job(null, { max_robust_accuracy_drop: 0.1 }),
      {},
      /max_robust_accuracy_drop is held against what evaluation.robustness measures/,
    );
    await refused(job({ ...few, attacks: [] }, { max_robust_accuracy_drop: 0.1 }), {}, /with attacks/);
  });
});
