/** Metrics from the POST to the series and the receipt. */
import { describe, expect, it } from 'vitest';
import { storedDataset } from '../helpers/datasets.ts';
import { dense, documentOf, randomFill, sequential } from '../helpers/documents.ts';
import { drawn } from '../helpers/engine.ts';
import { runPosted } from '../helpers/jobs.ts';

const SAMPLES = 90;
const document = documentOf(
  sequential([6], [dense('a', 8, { activation: 'relu' }), dense('out', 3, { activation: 'softmax' })]),
  randomFill(1),
);
const classes = Int32Array.from({ length: SAMPLES }, (_, at) => at % 3);
const data = () => storedDataset(drawn([SAMPLES, 6], 'vectors'), classes, { selection: 30, test: 30 });
const epochsOf = (rows: readonly { series: string; values: Record<string, number | null> }[]) =>
  rows.filter(({ series }) => series === 'epoch').map(({ values }) => values);

describe('a job', () => {
  it('measures what it is asked for after each epoch, and of the original and the result', async () => {
    const training = { epochs: 2, batch_size: 10, metrics: ['top_k_accuracy', 'auc', 'f1'], top_k: 2, restore_best: 'val_auc' };
    const { rows, result } = await runPosted({ type: 'train', training }, { document, ...data() });
    const epochs = epochsOf(rows);
    expect(epochs.map((values) => Object.keys(values))).toEqual(
      Array(2).fill(['epoch', 'loss', 'val_loss', 'val_top_k_accuracy', 'val_auc', 'val_f1']),
    );
    const { receipt, training: summary } = result as unknown as {
      receipt: Record<'original' | 'result', { test: Record<string, { value: number; low: number; high: number }> }>;
      training: { best: { metric: string; value: number; epoch: number } };
    };
    const best = Math.max(...epochs.map(({ val_auc }) => val_auc!));
    expect(summary.best).toMatchObject({ metric: 'val_auc', value: best, epoch: 1 + epochs.findIndex(({ val_auc }) => val_auc === best) });
    for (const side of ['original', 'result'] as const) {
      for (const name of ['accuracy', 'top_k_accuracy', 'auc', 'f1']) {
        const { value, low, high } = receipt[side].test[name]!;
        expect([low < value, value < high], `${name} of the ${side}`).toEqual([true, true]);
      }
      expect(receipt[side].test.top_k_accuracy!.value).toBeGreaterThanOrEqual(receipt[side].test.accuracy!.value);
    }
  });

  it('says which metric the selection split leaves without a value', async () => {
    const training = { epochs: 1, batch_size: 10, metrics: ['auc'] };
    const one = storedDataset(
      drawn([40, 6], 'vectors'),
      Int32Array.from({ length: 40 }, (_, at) => (at < 20 ? at % 3 : 1)),
      {
        selection: 10,
        test: 10,
      },
    );
    const { frames, rows } = await runPosted({ type: 'train', training }, { document, ...one });
    expect(epochsOf(rows)[0]!.val_auc).toBeNull();
    const warnings = frames.filter((frame) => frame.kind === 'warning').map(({ warning }) => warning);
    expect(warnings).toContainEqual({
      code: 'METRIC_UNDEFINED',
      detail: 'The selection split gives no value of auc. It takes samples of both kinds, and outputs that are finite numbers.',
    });
  });
});
