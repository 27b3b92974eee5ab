/** Networks with an input of any size are counted, cut, trained and measured as their twins are, whose input has the size of the data. */
import { describe, expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import type { Receipt } from '../../src/report/receipt.ts';
import { storedDataset } from '../helpers/datasets.ts';
import { conv2d, dense, documentOf, type LayerEntry, layer, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';
import { expectClose, expectSameBits } from '../helpers/numbers.ts';

const SAMPLES = 40;
const SIDE = 12;
const splits = { selection: 8, test: 8 };
const fine_tuning = { epochs: 2, batch_size: 8, optimizer: { type: 'adam', learning_rate: 0.01 } };
const images = drawn([SAMPLES, SIDE, SIDE, 3], 'images');
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 4);
const same = { padding: 'same' };

type Sides = readonly (number | null)[];
const twins = (layers: LayerEntry[], free: Sides, fixed: Sides): ModelDocument[] =>
  [free, fixed].map((shape) => documentOf(sequential(shape, layers), randomFill(3)));
const classifiers = () =>
  twins(
    [
      conv2d('c1', 8, 3, { ...same, activation: 'relu' }),
      conv2d('c2', 8, 3, { ...same, strides: [2, 2], activation: 'relu' }),
      layer('GlobalAveragePooling2D', 'pool', { keepdims: false, data_format: 'channels_last' }),
      dense('d1', 32, { activation: 'relu' }),
      dense('out', 4, { activation: 'softmax' }),
    ],
    [null, null, 3],
    [SIDE, SIDE, 3],
  );
/** Hand-worked: 144 places of 8 · 27, 36 of 8 · 72, and two dense layers. */
const WHOLE = 144 * 8 * 27 + 36 * 8 * 72 + 8 * 32 + 32 * 4;

/** What two jobs on twins must have alike: everything but times, names and sizes of files. */
async function runTwins(posted: Record<string, unknown>, documents: ModelDocument[], data: ReturnType<typeof storedDataset>) {
  const outcomes = [];
  for (const document of documents) outcomes.push(await runPosted(posted, { document, ...data }));
  const [free, fixed] = outcomes as [(typeof outcomes)[0], (typeof outcomes)[0]];
  if (free.document && fixed.document) {
    for (const [key, { shape, data: numbers }] of fixed.document.weights) {
      expect(free.document.weights.get(key)!.shape).toEqual(shape);
      expectSameBits(free.document.weights.get(key)!.data, numbers);
    }
  }
  return { free, fixed };
}
const receiptOf = ({ result }: { result: Record<string, unknown> | null }) => result!.receipt as Receipt;
const inputOf = (document: ModelDocument | null) => document!.graph.inputs[0]!.shape;

describe('a network with free axes', () => {
  it.each([
    { criterion: { type: 'magnitude' }, structure: { type: 'channels' }, target: { macs: 0.5 } },
    { criterion: { type: 'taylor' }, structure: { type: 'channels' }, target: { macs: 0.4 }, schedule: { type: 'iterative', rounds: 2 } },
    { criterion: { type: 'magnitude' }, structure: { type: 'low_rank' }, target: { macs: 0.7 } },
  ])('keeps the units that its twin keeps under %j, and tells the same costs', async (pruning) => {
    const data = storedDataset(images, classes, splits);
    const { free, fixed } = await runTwins({ type: 'prune', pruning, fine_tuning }, classifiers(), data);
    expect(receiptOf(free).original.macs).toBe(WHOLE);
    for (const side of ['original', 'result'] as const) expect(receiptOf(free)[side].macs).toBe(receiptOf(fixed)[side].macs);
    expect(receiptOf(free).layers).toEqual(receiptOf(fixed).layers);
    const target = free.result!.target as { met: boolean; achieved: { macs: number } };
    expect(target).toEqual(fixed.result!.target);
    expect(target.met).toBe(true);
    expect(target.achieved.macs).toBe(receiptOf(free).result.macs / WHOLE);
    expect(target.achieved.macs).toBeLessThanOrEqual(pruning.target.macs);
    expect(inputOf(free.document)).toEqual([null, null, 3]);
  });

  it('is planned, tried and evaluated as its twin', async () => {
    const data = () => storedDataset(images, classes, splits);
    const structure = { type: 'channels' };
    const pruning = { criterion: { type: 'magnitude' }, structure, target: { macs: 0.5 }, plan_only: true };
    const planned = await runTwins({ type: 'prune', pruning }, classifiers(), data());
    const cutOf = ({ result }: { result: Record<string, unknown> | null }) => (result!.cuts as Record<string, unknown>[])[0]!;
    expect(cutOf(planned.free).macs).toBe(cutOf(planned.fixed).macs);
    const tried = await runTwins(
      { type: 'sensitivity', criterion: { type: 'magnitude' }, structures: ['channels'] },
      classifiers(),
      data(),
    );
    expect(tried.free.result!.sensitivity).toEqual(tried.fixed.result!.sensitivity);
    const [free, fixed] = classifiers() as [ModelDocument, ModelDocument];
    const posted = { type: 'evaluate', candidate_model_id: 'mdl_1' };
    const { result } = await runPosted(posted, { document: free, ...data(), further: { mdl_1: fixed } });
    const { original, result: candidate } = result!.receipt as Receipt;
    expect([original.macs, candidate.macs]).toEqual([WHOLE, WHOLE]);
  });

  it.each([
    ['a mask', 1, 'sigmoid', 'binary_crossentropy'],
    ['numbers', 3, 'linear', 'mean_squared_error'],
  ] as const)('learns %s for each place as its twin does, and is pruned', async (_what, width, activation, loss) => {
    const wanted = drawn([SAMPLES, SIDE, SIDE, width], 'places');
    const y =
      loss === 'binary_crossentropy'
        ? array(
            wanted.shape,
            wanted.data.map((value) => (value > 0 ? 1 : 0)),
          )
        : wanted;
    const layers = [conv2d('c1', 6, 3, { ...same, activation: 'relu' }), conv2d('out', width, 1, { activation })];
    const documents = twins(layers, [null, null, 3], [SIDE, SIDE, 3]);
    const data = storedDataset(images, y, splits);
    const trained = await runTwins({ type: 'train', training: fine_tuning }, documents, data);
    expect(trained.free.result!.selection).toEqual(trained.fixed.result!.selection);
    const losses = trained.free.rows.filter(({ series }) => series === 'step').map(({ values }) => Number(values.loss));
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const pruning = { criterion: { type: 'taylor' }, structure: { type: 'channels' }, target: { macs: 0.5 } };
    const pruned = await runTwins({ type: 'prune', pruning, fine_tuning }, documents, data);
    expect(pruned.free.result!.target).toEqual(pruned.fixed.result!.target);
    expect(inputOf(pruned.free.document)).toEqual([null, null, 3]);
  });

  it('teaches and is taught, a sequence of any length', async () => {
    const steps = 7;
    const tokens = array(
      [SAMPLES, steps],
      drawn([SAMPLES, steps], 'tokens').data.map((value) => Math.abs(Math.round(value * 7)) % 20),
    );
    const layers = [
      layer('Embedding', 'words', { input_dim: 20, output_dim: 6, mask_zero: false }),
      layer('LSTM', 'lstm', { units: 5, return_sequences: true, activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true }),
      dense('out', 4, { activation: 'softmax' }),
    ];
    const tags = tokens.data.map((value) => value % 4);
    const rows = Float32Array.from({ length: tags.length * 4 }, (_, at) => (tags[Math.floor(at / 4)] === at % 4 ? 1 : 0));
    const data = storedDataset(tokens, array([SAMPLES, steps, 4], rows), splits);
    const training = { ...fine_tuning, distillation: { alpha: 0.5 } };
    const pruning = { criterion: { type: 'magnitude' }, structure: { type: 'channels' }, target: { macs: 0.7 } };
    const { free, fixed } = await runTwins({ type: 'prune', pruning, fine_tuning: training }, twins(layers, [null], [steps]), data);
    expect(receiptOf(free).original.macs).toBe(steps * (4 * 5 * (6 + 5) + 5 * 4));
    expect(free.result!.target).toEqual(fixed.result!.target);
    expect(free.result!.selection).toEqual(fixed.result!.selection);
  });
});

describe('a class for each position', () => {
  it('is learnt from whole numbers as from one-hot rows', async () => {
    const layers = [conv2d('c1', 6, 3, { ...same, activation: 'relu' }), conv2d('out', 3, 1, { activation: 'softmax' })];
    const document = documentOf(sequential([null, null, 3], layers), randomFill(3));
    const labels = drawn([SAMPLES, SIDE, SIDE], 'labels').data.map((value) => (value > 0.5 ? 2 : value > -0.5 ? 1 : 0));
    const rows = Float32Array.from({ length: labels.length * 3 }, (_, at) => (labels[Math.floor(at / 3)] === at % 3 ? 1 : 0));
    const numbered = storedDataset(images, array([SAMPLES, SIDE, SIDE], labels), splits);
    numbered.facts.y!.whole = true;
    const posted = { type: 'train', training: fine_tuning };
    const sparse = await runPosted(posted, { document, ...numbered });
    const dense3 = await runPosted(posted, { document, ...storedDataset(images, array([SAMPLES, SIDE, SIDE, 3], rows), splits) });
    type Told = { loss: { value: number }; accuracy: { value: number }; constant_loss: number };
    const [one, other] = [sparse, dense3].map(({ result }) => {
      const { loss, accuracy, constant_loss } = result!.selection as Told;
      return [loss.value, accuracy.value, constant_loss];
    }) as [number[], number[]];
    expectClose(one, other, { relative: 1e-5 });
    for (const [key, { data }] of dense3.document!.weights)
      expectClose(sparse.document!.weights.get(key)!.data, data, { relative: 1e-4, absolute: 1e-6 });
    const accuracies = sparse.rows.filter(({ series }) => series === 'step').map(({ values }) => Number(values.accuracy));
    for (const accuracy of accuracies) expect(accuracy).toBeGreaterThan(0);
  });
});
