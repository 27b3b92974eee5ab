/**
 * An engine without TensorFlow that follows a script, for tests of the supervisor: its "weights" are a chain of hashes, so that a resumed run ends with
 * the weights of an undisturbed one only if it went on from exactly where it stopped. The script is in the job's metadata:
 *
 *   script   count (default), crash, nonsense, silent, stuck, stray, fail; script_1, script_2, ... for one attempt alone
 *   steps, step_ms, checkpoint_every, best (the step whose checkpoint is), wait_at (the step after which the first attempt waits for
 *   a cancel or a pause), deaf ("yes": hears neither cancel nor pause), code (of fail), differs ("yes": the export differs from memory)
 *
 * A prediction's script is the path of its model: echo (the inputs, doubled), crash, wait (for a cancel), deaf (hears none), memory, refuse.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readCheckpoint, writeCheckpoint } from '../../src/engine/checkpoint.ts';
import type { ProblemCode } from '../../src/errors.ts';
import type { EngineFrame, PredictFrame, RunFrame, SupervisorFrame } from '../../src/worker/frames.ts';
import { tinyDocument } from '../helpers/documents.ts';

interface State {
  step: number;
  weights: string;
}

let cancelled = false;
let pauseRequested = false;
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => {});
process.on('message', (frame: SupervisorFrame) => {
  if (frame.kind === 'cancel') cancelled = true;
  else if (frame.kind === 'pause') pauseRequested = true;
  else if (frame.kind === 'run') void run(frame);
  else if (frame.kind === 'predict') void predict(frame);
  else {
    const exported = JSON.parse(readFileSync(frame.model_path, 'utf8'));
    send({ kind: 'verified', max_relative_difference: exported.differs ? 0.5 : 0, samples: 32 });
  }
});
setInterval(() => send({ kind: 'heartbeat' }), 1_000);
console.log('Scripted engine started');
if (process.env.SCRIPTED_START === 'fails') {
  send({ kind: 'failed', code: 'ENGINE_FAILED', detail: 'The script says so' });
  process.exitCode = 1;
  process.disconnect();
} else
  send({
    kind: 'ready',
    tensorflow: 'scripted',
    backend: 'tensorflow',
    device: process.env.SCRIPTED_DEVICE === 'gpu' ? 'gpu' : 'cpu',
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS),
  });

function send(frame: EngineFrame): void {
  if (process.connected) process.send?.(frame);
}

async function run(frame: RunFrame): Promise<void> {
  const { metadata } = frame.spec;
  const script = metadata[`script_${frame.attempt}`] ?? metadata.script ?? 'count';
  if (script === 'crash') process.exit(3);
  if (script === 'nonsense') process.send?.({ kind: 'finished', result: 'none' });
  if (script === 'stuck') return;
  if (script === 'silent') for (;;);
  if (script === 'fail') return send({ kind: 'failed', code: metadata.code as ProblemCode, detail: 'The script says so' });
  if (script === 'stray')
    return send({ kind: 'finished', result: {}, outputs: [{ role: 'predictions', format: 'npz', path: '/etc/passwd', probe_path: null }] });
  if (script === 'count') await count(frame);
}

async function predict(frame: PredictFrame): Promise<void> {
  cancelled = false;
  console.log(`Scripted engine predicts ${frame.model_path}`);
  const failed = (code: ProblemCode) => send({ kind: 'failed', code, detail: 'The script says so' });
  switch (frame.model_path) {
    case 'crash':
      return process.exit(3);
    case 'memory':
      return failed('OUT_OF_MEMORY');
    case 'refuse':
      return failed('MODEL_DATASET_MISMATCH');
    case 'deaf':
      return;
    case 'wait':
      while (!cancelled) await pause(5);
      return send({ kind: 'cancelled' });
    default:
      return send({ kind: 'predicted', outputs: frame.inputs.map((input) => ({ ...input, data: input.data.map((value) => 2 * value) })) });
  }
}

/** In the layout of a real one, so that a model can be made of it: the hash is in the state, and every weight is the step. */
function checkpoint(frame: RunFrame, state: State, best: boolean): void {
  const path = join(frame.scratch, `checkpoint-${state.step}`);
  const { config, weights } = tinyDocument(state.step);
  writeCheckpoint(path, { state: { ...state, config }, arrays: new Map([...weights].map(([key, weight]) => [`weights/${key}`, weight])) });
  send({ kind: 'checkpoint', step: state.step, path, best: best ? { metric: 'val_loss', value: 1 / state.step } : null });
}

async function count(frame: RunFrame): Promise<void> {
  const { metadata } = frame.spec;
  const steps = Number(metadata.steps ?? 10);
  const every = Number(metadata.checkpoint_every ?? 5);
  const resumed = frame.resume_path === null ? null : (readCheckpoint(frame.resume_path)?.state as State);
  const state: State = resumed
    ? { step: resumed.step, weights: resumed.weights }
    : { step: 0, weights: `${'seed' in frame.spec ? frame.spec.seed : ''}` };
  send({ kind: 'started', resumed_from_step: frame.resume_path ? state.step : null });
  let rows = 0;
  while (state.step < steps) {
    await pause(Number(metadata.step_ms ?? 1));
    if (cancelled && metadata.deaf !== 'yes') return send({ kind: 'cancelled' });
    state.weights = createHash('sha256').update(`${state.weights} ${state.step}`).digest('hex');
    state.step += 1;
    const row = Float64Array.of(rows++, state.step, 1 / state.step);
    send({ kind: 'series', chunks: [{ series: 'step', columns: ['loss'], rows: 1, data: row }] });
    const progress = { phase: 'training' as const, step: state.step, total_steps: steps, fraction: state.step / steps, eta_s: null };
    send({ kind: 'progress', progress, metrics: { loss: 1 / state.step } });
    if (state.step % every === 0) checkpoint(frame, state, state.step === Number(metadata.best));
    const waits = frame.attempt === 1 && state.step === Number(metadata.wait_at);
    while (waits && !cancelled && !pauseRequested) await pause(5);
    if (pauseRequested && metadata.deaf !== 'yes') {
      checkpoint(frame, state, false);
      return send({ kind: 'paused' });
    }
  }
  const model = join(frame.scratch, 'model.keras');
  const probe = join(frame.scratch, 'probe');
  const predictions = join(frame.scratch, 'predictions.npz');
  writeFileSync(model, JSON.stringify({ ...state, differs: metadata.differs === 'yes' }));
  writeFileSync(probe, '');
  writeFileSync(predictions, 'predicted');
  send({
    kind: 'finished',
    result: { weights: state.weights },
    outputs: [
      { role: 'model', format: 'keras', path: model, probe_path: probe },
      { role: 'predictions', format: 'npz', path: predictions, probe_path: null },
    ],
  });
}
