import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Reporter, type StepMeasures } from '../../src/engine/reporter.ts';
import { type EngineFrame, readEngineFrame } from '../../src/worker/frames.ts';
import { rowsOf } from '../helpers/series.ts';

/** A reporter, and the frames it has emitted, each as it arrives at the other end. */
function open(totalSteps = 10): { reporter: Reporter; frames: EngineFrame[] } {
  const frames: EngineFrame[] = [];
  return { reporter: new Reporter((frame) => frames.push(readEngineFrame(structuredClone(frame))), totalSteps), frames };
}

/** A file of this name and content. */
function written(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'espalier-reporter-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const measures = (changes: Partial<StepMeasures> = {}): StepMeasures => ({
  loss: 2,
  learning_rate: 0.001,
  gradient_norm: 3,
  clipped_norm: 1,
  clipping_threshold: 1,
  clipped: 1,
  update_ratio: 0.25,
  skipped_steps: 0,
  non_finite: 0,
  ...changes,
});

describe('the reporter', () => {
  it('keeps the order in which rows of several series were reported', () => {
    const { reporter, frames } = open();
    reporter.step(1, measures());
    reporter.row('prune', 1, { sparsity: 0.5 });
    reporter.row('epoch', 1, { epoch: 1, val_loss: 0.7 });
    reporter.step(2, measures());
    reporter.row('epoch', 2, { epoch: 2, val_loss: 0.6 });
    reporter.flush();
    expect(rowsOf(frames).map(({ series, step }) => `${series} ${step}`)).toEqual(['step 1', 'prune 1', 'epoch 1', 'step 2', 'epoch 2']);
    expect(rowsOf(frames)[2]!.values).toEqual({ epoch: 1, val_loss: 0.7 });
  });

  it('takes a step’s values at once, and shows what is not finite or not measured as null', () => {
    const { reporter, frames } = open();
    const same = measures();
    reporter.step(1, same);
    reporter.step(
      2,
      Object.assign(same, { loss: Number.NaN, gradient_norm: Number.POSITIVE_INFINITY, clipping_threshold: null, non_finite: 7 }),
    );
    reporter.flush();
    const [first, second] = rowsOf(frames);
    expect(first!.values).toEqual(measures());
    expect(second!.values).toEqual({ ...measures(), loss: null, gradient_norm: null, clipping_threshold: null, non_finite: 7 });
  });

  it('keeps float64 values and large step numbers whole', () => {
    const { reporter, frames } = open();
    reporter.step(2 ** 40 + 1, measures({ learning_rate: 0.1 + 2 ** -56 }));
    reporter.flush();
    expect(rowsOf(frames)[0]).toMatchObject({ step: 2 ** 40 + 1, values: { learning_rate: 0.1 + 2 ** -56 } });
  });

  it('has the columns that a caller declares beyond its own, and refuses another number of values', () => {
    const { reporter, frames } = open();
    reporter.declareSteps(['accuracy', 'entropy']);
    reporter.step(1, measures(), [0.5, 1.5]);
    expect(() => reporter.step(2, measures())).toThrow('2 columns of the series step are declared beyond its own. Received: 0');
    reporter.flush();
    expect(rowsOf(frames).map(({ values }) => values)).toEqual([{ ...measures(), accuracy: 0.5, entropy: 1.5 }]);
    expect(() => reporter.declareSteps(['loss'])).toThrow('names a column twice');
  });

  it('reports norms of each declared weight as one row', () => {
    const { reporter, frames } = open();
    expect(() => reporter.layers(1, { gradient_norm: [], clipped_norm: [], weight_norm: [], update_ratio: [] })).toThrow(
      'call declareLayers',
    );
    reporter.declareLayers(['a/kernel', 'b/bias']);
    reporter.layers(100, {
      gradient_norm: [1, 2],
      clipped_norm: [3, 4],
      weight_norm: [5, 6],
      update_ratio: Float32Array.of(0.5, Number.NaN),
    });
    expect(() => reporter.layers(200, { gradient_norm: [1, 2], clipped_norm: [3], weight_norm: [5, 6], update_ratio: [7, 8] })).toThrow(
      '2 weights are declared. Received: 1 values of clipped_norm',
    );
    reporter.flush();
    expect(rowsOf(frames)).toEqual([
      {
        series: 'layer',
        step: 100,
        values: {
          'a/kernel:gradient_norm': 1,
          'b/bias:gradient_norm': 2,
          'a/kernel:clipped_norm': 3,
          'b/bias:clipped_norm': 4,
          'a/kernel:weight_norm': 5,
          'b/bias:weight_norm': 6,
          'a/kernel:update_ratio': 0.5,
          'b/bias:update_ratio': null,
        },
      },
    ]);
  });

  it('sends rows by itself when many wait, none lost and none twice', () => {
    const { reporter, frames } = open();
    for (let step = 1; step <= 5_000; step++) {
      reporter.step(step, measures({ loss: step }));
      if (step % 1_000 === 0) reporter.row('epoch', step, { epoch: step / 1_000 });
    }
    expect(rowsOf(frames).length).toBeGreaterThan(0);
    reporter.flush();
    reporter.flush();
    const rows = rowsOf(frames);
    expect(rows.filter(({ series }) => series === 'step').map(({ values }) => values.loss)).toEqual(
      Array.from({ length: 5_000 }, (_, index) => index + 1),
    );
    expect(rows.filter(({ series }) => series === 'epoch').map(({ step }) => step)).toEqual([1_000, 2_000, 3_000, 4_000, 5_000]);
  });

  it('sends the rows before a checkpoint ahead of it', () => {
    const { reporter, frames } = open();
    reporter.step(1, measures());
    reporter.checkpoint(1, written('checkpoint', 'x'));
    expect(frames.map(({ kind }) => kind)).toEqual(['series', 'checkpoint']);
  });

  it('hands over each checkpoint whole though its step is written again, and says which is the best', () => {
    const { reporter, frames } = open();
    reporter.checkpoint(1, written('checkpoint', 'first'));
    const best = { metric: 'val_loss', value: 0.5, step: 1, epoch: 1 };
    reporter.checkpoint(1, written('checkpoint', 'second'), best);
    const said = frames.flatMap((frame) => (frame.kind === 'checkpoint' ? [frame] : []));
    expect(said.map(({ path }) => readFileSync(path, 'utf8'))).toEqual(['first', 'second']);
    expect(said.map(({ best }) => best)).toEqual([null, { metric: 'val_loss', value: 0.5 }]);
  });

  it('shows the newest values of steps and evaluations as metrics, also once their rows are sent', () => {
    const { reporter, frames } = open();
    reporter.step(1, measures({ loss: 9 }));
    reporter.step(2, measures({ loss: 8, update_ratio: null }));
    reporter.row('epoch', 2, { val_loss: Number.NaN });
    reporter.flush();
    reporter.enter('evaluating', 2);
    const progress = frames.findLast((frame) => frame.kind === 'progress');
    expect(progress?.metrics).toEqual({ ...measures({ loss: 8 }), update_ratio: null, val_loss: null });
  });

  it('estimates the time that is left, anew behind a cut', () => {
    const { reporter, frames } = open(1_000);
    const eta = () => frames.findLast((frame) => frame.kind === 'progress')?.progress.eta_s;
    reporter.enter('training', 0);
    expect(eta()).toBeNull();
    for (let step = 1; step <= 100; step++) reporter.stepped(step, 10);
    reporter.enter('training', 100);
    // 900 steps of 10 ms.
    expect(eta()?.low).toBeCloseTo(8.91, 5);
    expect(eta()?.high).toBeCloseTo(9.09, 5);
    reporter.enter('pruning', 100);
    reporter.enter('training', 100);
    expect(eta()).toBeNull();
  });
});
