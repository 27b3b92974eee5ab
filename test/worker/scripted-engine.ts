/**
 * An engine without TensorFlow that follows a script, for tests of the supervisor: its "weights" are a chain of hashes, so that a resumed run ends with
 * the weights of an undisturbed one only if it went on from exactly where it stopped. The script is in the job's metadata:
 *
 *   script   count (default), crash, nonsense, silent, stuck, stray, fail; script_1, script_2, ... for one attempt alone
 *   steps, step_ms, checkpoint_every, deaf ("yes": does not hear cancel), code (of fail), differs ("yes": the export differs from memory)
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ProblemCode } from '../../src/errors.ts';
import type { EngineFrame, RunFrame, SupervisorFrame } from '../../src/worker/frames.ts';

interface State {
  step: number;
  weights: string;
}

let cancelled = false;
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.on('SIGINT', () => {});
process.on('message', (frame: SupervisorFrame) => {
  if (frame.kind === 'cancel') cancelled = true;
  else if (frame.kind === 'run') void run(frame);
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

async function count(frame: RunFrame): Promise<void> {
  const { metadata } = frame.spec;
  const steps = Number(metadata.steps ?? 10);
  const every = Number(metadata.checkpoint_every ?? 5);
  const state: State = frame.resume_path ? JSON.parse(readFileSync(frame.resume_path, 'utf8')) : { step: 0, weights: `${frame.spec.seed}` };
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
    if (state.step % every === 0) {
      const path = join(frame.scratch, `checkpoint-${state.step}`);
      writeFileSync(path, JSON.stringify(state));
      send({ kind: 'checkpoint', step: state.step, path });
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
