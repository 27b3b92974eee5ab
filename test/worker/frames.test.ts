import { describe, expect, it } from 'vitest';
import { readEngineFrame, readSupervisorFrame } from '../../src/worker/frames.ts';
import { runFrame } from './examples.ts';

describe('frames from the supervisor', () => {
  it('are passed through when they are right', () => {
    for (const frame of [
      runFrame(),
      { ...runFrame(), resume_path: '/checkpoint' },
      { kind: 'cancel' },
      { kind: 'pause' },
      { kind: 'verify', model_path: '/m', probe_path: '/p' },
    ])
      expect(readSupervisorFrame(frame)).toBe(frame);
  });

  it('are refused with the place of the fault and what stood there', () => {
    expect(() => readSupervisorFrame({ ...runFrame(), attempt: 0 })).toThrow(/run frame is wrong at '\/attempt'.*Received: \{"kind":"run"/);
    expect(() => readSupervisorFrame({ ...runFrame(), surprise: 1 })).toThrow("wrong at '/surprise'");
  });

  it('are refused when a nested method has a field that is not its own', () => {
    const frame = runFrame();
    const training = { ...frame.spec.training, optimizer: { ...frame.spec.training.optimizer, nesterov: true } };
    expect(() => readSupervisorFrame({ ...frame, spec: { ...frame.spec, training } })).toThrow("wrong at '/spec/training/optimizer");
  });

  it('are refused when they are the other side’s, unknown or no objects', () => {
    for (const message of [{ kind: 'heartbeat' }, { kind: 'reboot' }, { kind: 3 }, {}, null, 'run', 7])
      expect(() => readSupervisorFrame(message)).toThrow('Not a frame of the supervisor');
  });
});

describe('frames from the engine', () => {
  const progress = { phase: 'training', step: 1, total_steps: 2, fraction: 0.5, eta_s: null };

  it('are passed through when they are right', () => {
    const frames = [
      { kind: 'heartbeat' },
      { kind: 'ready', tensorflow: '2.21.0', backend: 'tensorflow', device: 'cpu', threads: 2 },
      { kind: 'started', resumed_from_step: null },
      { kind: 'progress', progress, metrics: { loss: null, accuracy: 0.5 } },
      { kind: 'series', chunks: [{ series: 'step', columns: ['loss'], rows: 2, data: Float64Array.of(0, 1, 7, 8, 0.5, Number.NaN) }] },
      { kind: 'checkpoint', step: 3, path: '/c' },
      { kind: 'checkpoint', step: 3, path: '/c', best: null },
      { kind: 'checkpoint', step: 3, path: '/c', best: { metric: 'val_loss', value: 0.25 } },
      { kind: 'paused' },
      { kind: 'finished', result: { anything: [1] }, outputs: [{ role: 'model', format: 'keras', path: '/m', probe_path: null }] },
      { kind: 'failed', code: 'OUT_OF_MEMORY', detail: '' },
      { kind: 'verified', max_relative_difference: 0, samples: 1 },
    ];
    for (const frame of frames) expect(readEngineFrame(frame)).toBe(frame);
  });

  it('are refused when another backend than the native one is ready', () => {
    expect(() => readEngineFrame({ kind: 'ready', tensorflow: '', backend: 'cpu', device: 'cpu', threads: 2 })).toThrow("'/backend'");
  });

  it('are refused when a metric is not a finite number', () => {
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, '1'])
      expect(() => readEngineFrame({ kind: 'progress', progress, metrics: { loss } })).toThrow('progress frame is wrong');
  });

  it.each<[string, Record<string, unknown>]>([
    ['fewer values than rows and columns make', { data: Float64Array.of(0, 1, 7, 8, 0.5) }],
    ['values that are not float64', { data: Float32Array.of(0, 1, 7, 8, 0.5, 0.5) }],
    ['values in an array', { data: [0, 1, 7, 8, 0.5, 0.5] }],
    ['two columns of one name', { columns: ['loss', 'loss'], data: new Float64Array(8) }],
    ['a series that nobody knows', { series: 'steps' }],
    ['no rows', { rows: 0, columns: [], data: new Float64Array(0) }],
    ['a step that is not whole', { data: Float64Array.of(0, 1, 7.5, 8, 0.5, 0.5) }],
    ['a row without a number', { data: Float64Array.of(Number.NaN, 1, 7, 8, 0.5, 0.5) }],
    [
      'more values than a frame may carry',
      { rows: 100_000, columns: Array.from({ length: 50 }, (_, i) => `c${i}`), data: new Float64Array(5_200_000) },
    ],
  ])('are refused when a chunk has %s', (_, changes) => {
    const chunk = { series: 'step', columns: ['loss'], rows: 2, data: Float64Array.of(0, 1, 7, 8, 0.5, 0.5), ...changes };
    expect(() => readEngineFrame({ kind: 'series', chunks: [chunk] })).toThrow("series frame is wrong at '/chunks/0");
  });

  it('are refused when a failure has a code that no caller knows', () => {
    expect(() => readEngineFrame({ kind: 'failed', code: 'OOPS', detail: '' })).toThrow("'/code'");
  });
});
