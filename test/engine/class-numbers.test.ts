/** Class numbers where a loss compares rows: whatever asks for the loss or its gradients takes them as the same rows that could have been uploaded. */
import { expect, it } from 'vitest';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { array, drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';

const SAMPLES = 60;
const SPLITS = { selection: 10, test: 10 };
const x = drawn([SAMPLES, 6], 'vectors');
const training = { epochs: 2, batch_size: 20, optimizer: { type: 'adam', learning_rate: 0.03 } };
const calibration = { calibration_batches: 6, calibration_batch_size: 6 };

const classesOf = (count: number) => Int32Array.from({ length: SAMPLES }, (_, at) => (at * 5) % count);
const rowsOf = (classes: Int32Array, count: number) =>
  array(
    [SAMPLES, count],
    [...classes].flatMap((number) => Array.from({ length: count }, (_, at) => (at === number ? 1 : 0))),
  );

type Job = (loss: string) => Record<string, unknown>;
const prunedBy =
  (type: string): Job =>
  (loss) => ({
    type: 'prune',
    pruning: { criterion: { type, ...calibration }, target: { sparsity: 0.5 } },
    fine_tuning: { ...training, loss },
  });
const packed =
  (packing: Record<string, unknown> | null): Job =>
  (loss) => ({ type: 'train', training: { ...training, loss }, packing });
const taylor = prunedBy('taylor');
const JOBS: [string, Job][] = [
  ['training', packed(null)],
  ['pruning by taylor', taylor],
  ['pruning by fisher', prunedBy('fisher')],
  ['pruning by woodfisher', prunedBy('woodfisher')],
  ['whole numbers', packed({ quantization: 'int4' })],
  ['a rate', packed({ rate: { weight: 1e-4 }, tuning: { epochs: 4 } })],
];

it.each([
  ...JOBS.map(([what, job]) => ({ what, job, loss: 'mean_squared_error', count: 3 })),
  ...['mean_absolute_error', 'huber', 'cosine_similarity', 'kl_divergence'].map((loss) => ({
    what: 'pruning by taylor',
    job: taylor,
    loss,
    count: 3,
  })),
  { what: 'two classes and pruning by taylor', job: taylor, loss: 'mean_squared_error', count: 2 },
])('$what under $loss', async ({ job, loss, count }) => {
  const document = documentOf(
    sequential([6], [dense('a', 12, { activation: 'relu' }), dense('out', count, { activation: 'softmax' })]),
    randomFill(1),
  );
  const classes = classesOf(count);
  const [numbers, rows] = await Promise.all(
    [classes, rowsOf(classes, count)].map((y) => runPosted(job(loss), { document, ...storedDataset(x, y, SPLITS) })),
  );
  expect(numbers!.document!.weights).toEqual(rows!.document!.weights);
  const [constant, ofRows] = [numbers, rows].map(
    (outcome) => (outcome!.result!.selection as { constant_loss: number | null }).constant_loss,
  );
  if (loss === 'mean_squared_error') expect(constant).toBeCloseTo(ofRows!, 6);
  else expect([constant, ofRows]).toEqual([null, null]);
});

it('takes class numbers for one output as the numbers that they are', async () => {
  const document = documentOf(sequential([6], [dense('a', 12, { activation: 'relu' }), dense('out', 1)]), randomFill(1));
  const classes = classesOf(3);
  const [numbers, rows] = await Promise.all(
    [classes, array([SAMPLES, 1], [...classes])].map((y) =>
      runPosted(taylor('mean_squared_error'), { document, ...storedDataset(x, y, SPLITS) }),
    ),
  );
  expect(numbers!.document!.weights).toEqual(rows!.document!.weights);
});
