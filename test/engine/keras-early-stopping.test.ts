/** When training ends and which evaluation counts, against stock Keras' EarlyStopping fed with the same values. */
import { describe, expect, it } from 'vitest';
import { UNWATCHED, watched } from '../../src/engine/progress-watch.ts';
import type { EarlyStopping, Monitored } from '../../src/jobs/spec/index.ts';
import { generator } from '../../src/random.ts';
import { startKeras } from '../helpers/keras.ts';

const keras = startKeras();

type Value = number | null;
interface Case {
  metric: Monitored;
  patience: number;
  min_delta: number;
  start_epoch: number;
  values: Value[];
}
interface Ended {
  /** The epoch after which training ends; null where it does not. */
  stopped: number | null;
  /** The epoch whose weights are the result; null where none counted. */
  best: number | null;
}

/** Training that measures these values. The state goes through JSON after each, as it does through a checkpoint. */
function ended({ values, ...stopping }: EarlyStopping & { values: readonly Value[] }, restore: Monitored = stopping.metric): Ended {
  let state = UNWATCHED;
  for (const [index, value] of values.entries()) {
    const measured = value === null ? {} : { [stopping.metric]: value, [restore]: value };
    state = watched(state, measured, { restore, stopping }, { step: 10 * (index + 1), epoch: index + 1 }).state;
    state = JSON.parse(JSON.stringify(state));
    if (state.stopped) return { stopped: index + 1, best: state.best?.epoch ?? null };
  }
  return { stopped: null, best: state.best?.epoch ?? null };
}

async function inKeras(cases: readonly Case[]): Promise<Ended[]> {
  const asked = cases.map(({ metric, values, patience, min_delta, start_epoch }) => ({
    values: values.map((value) => (value === null || Number.isFinite(value) ? value : String(value))),
    mode: metric.endsWith('loss') || metric.endsWith('error') ? 'min' : 'max',
    patience,
    min_delta,
    start_from_epoch: start_epoch,
  }));
  return keras.run<Ended[]>('early_stopping', asked);
}

describe('early stopping', () => {
  const METRICS = ['val_loss', 'val_accuracy', 'val_r2', 'val_root_mean_squared_error', 'loss'] as const;

  it('ends training and chooses the best epoch as Keras does, on any values', async () => {
    const { int } = generator(0, 'values');
    const cases = Array.from({ length: 200 }, (_, index): Case => {
      const value = (): Value => (int(12) === 0 ? null : int(12) === 0 ? Number.POSITIVE_INFINITY : int(40) / 8);
      const metric = METRICS[index % METRICS.length]!;
      // What is better with every value would be best for good at infinity.
      const finite = metric === 'val_accuracy' || metric === 'val_r2';
      const values = Array.from({ length: 3 + int(12) }, value).map((drawn) => (finite && drawn === Number.POSITIVE_INFINITY ? 2 : drawn));
      return { metric, patience: int(5), min_delta: [0, 0, 0.25, 1][int(4)]!, start_epoch: [0, 0, 1, 4][int(4)]!, values };
    });
    const expected = await inKeras(cases);
    for (const [index, one] of cases.entries()) {
      const { stopped, best } = ended(one);
      expect(stopped, JSON.stringify(one)).toBe(expected[index]!.stopped);
      // Of values none of which is finite Keras keeps the first.
      if (best !== null) expect(best, JSON.stringify(one)).toBe(expected[index]!.best);
    }
    expect(expected.filter(({ stopped }) => stopped !== null).length).toBeGreaterThan(75);
  });

  it('ends at the first evaluation that is no improvement where patience is 0 or 1', async () => {
    const cases = [0, 1, 2].map(
      (patience): Case => ({ metric: 'val_loss', patience, min_delta: 0, start_epoch: 0, values: [3, 2, 2, 2, 1] }),
    );
    const expected = [
      { stopped: 3, best: 2 },
      { stopped: 3, best: 2 },
      { stopped: 4, best: 2 },
    ];
    expect(await inKeras(cases)).toEqual(expected);
    expect(cases.map((one) => ended(one))).toEqual(expected);
  });

  it('takes a change of less than min_delta for none, also in what is best', async () => {
    const one: Case = { metric: 'val_auc', patience: 3, min_delta: 0.125, start_epoch: 0, values: [0.5, 0.5625, 0.6875, 0.75, 0.75, 0.75] };
    expect(await inKeras([one])).toEqual([{ stopped: 6, best: 3 }]);
    expect(ended(one)).toEqual({ stopped: 6, best: 3 });
  });

  it('keeps the best of another metric by that metric alone', () => {
    const one: Case = { metric: 'val_loss', patience: 2, min_delta: 1, start_epoch: 2, values: [5, 4.5, 4.25, 4, 3.75] };
    expect(ended(one)).toEqual({ stopped: 5, best: 3 });
    expect(ended(one, 'val_mean_absolute_error')).toEqual({ stopped: 5, best: 5 });
  });

  it('waits no longer than Keras for a value that is not a number, which can be beaten afterwards', async () => {
    const { NaN: none } = Number;
    const all: Case = { metric: 'val_loss', patience: 2, min_delta: 0, start_epoch: 0, values: [none, none, none, none] };
    const later: Case = { ...all, values: [4, none, none, 3] };
    const first: Case = { ...all, values: [none, 3, 4, 2, 5, 5] };
    expect((await inKeras([all, later, first])).map(({ stopped }) => stopped)).toEqual([3, 3, 3]);
    expect([all, later, first].map((one) => ended(one))).toEqual([
      { stopped: 3, best: null },
      { stopped: 3, best: 1 },
      { stopped: 6, best: 4 },
    ]);
  });
});
