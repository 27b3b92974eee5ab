import type { EngineProcess } from './engine-process.ts';
import type { OutputFile } from './frames.ts';
import type { Loss, Outcome } from './outcome.ts';
import type { WarmEngines } from './warm-engines.ts';

/** The largest relative difference between the predictions of an exported file and of the model in memory that passes. */
export const VERIFICATION_LIMIT = 1e-5;

/** What one exported file was found to predict, as a job's `result.verification` shows it. */
export interface Verified {
  format: string;
  samples: number;
  max_relative_difference: number;
  limit: number;
}

export type Verification = { kind: 'verified'; files: Verified[] } | Exclude<Outcome, { kind: 'finished' | 'cancelled' | 'paused' }>;

/**
 * Loads every exported model in an engine that did not make it, and compares what it predicts with what the job's engine predicted. The engine is ended
 * afterwards.
 */
export async function verifyOutputs(
  outputs: readonly OutputFile[],
  engines: WarmEngines,
  limits: { lost: AbortSignal; stopping: AbortSignal; progressTimeoutSeconds: number },
): Promise<Verification> {
  const files: Verified[] = [];
  const probed = outputs.filter((output) => output.probe_path !== null);
  if (probed.length === 0) return { kind: 'verified', files };
  const interrupted = AbortSignal.any([limits.lost, limits.stopping]);
  const interruption = () => (limits.lost.aborted ? (limits.lost.reason as Loss) : ({ kind: 'worker_stopped' } as const));
  if (interrupted.aborted) return interruption();
  const engine = await engines.take(interrupted).catch((error) => {
    if (interrupted.aborted) return null;
    throw error;
  });
  if (!engine) return interruption();
  const interrupt = () => engine.process.end('SIGKILL', 'was interrupted');
  interrupted.addEventListener('abort', interrupt, { once: true });
  const limit = setTimeout(
    () => engine.process.end('SIGKILL', `did not verify the files in ${limits.progressTimeoutSeconds} s`),
    limits.progressTimeoutSeconds * 1000,
  );
  try {
    for (const output of probed) {
      const verified = await verifyOne(engine.process, output);
      if (interrupted.aborted) return interruption();
      if (verified.kind !== 'verified') return verified;
      const difference = verified.file.max_relative_difference;
      if (difference > VERIFICATION_LIMIT)
        return {
          kind: 'failed',
          code: 'VERIFICATION_FAILED',
          detail: `The ${output.format} file predicts up to ${difference} (relative) off what the model in memory predicts; ${VERIFICATION_LIMIT} is allowed`,
        };
      files.push(verified.file);
    }
    return { kind: 'verified', files };
  } finally {
    clearTimeout(limit);
    interrupted.removeEventListener('abort', interrupt);
    await engines.dispose(engine, 'has verified the files');
  }
}

type OneVerification =
  | { kind: 'verified'; file: Verified }
  | Extract<Outcome, { kind: 'failed' }>
  | Extract<Outcome, { kind: 'engine_lost' }>;

function verifyOne(engine: EngineProcess, output: OutputFile): Promise<OneVerification> {
  return new Promise((resolve) => {
    engine.gone.then((reason) => resolve({ kind: 'engine_lost', detail: `The engine that verified the ${output.format} file ${reason}` }));
    engine.listen((frame) => {
      if (frame.kind === 'failed')
        resolve({ kind: 'failed', code: 'VERIFICATION_FAILED', detail: `The ${output.format} file does not load: ${frame.detail}` });
      if (frame.kind !== 'verified') return;
      const { samples, max_relative_difference } = frame;
      resolve({ kind: 'verified', file: { format: output.format, samples, max_relative_difference, limit: VERIFICATION_LIMIT } });
    });
    engine.send({ kind: 'verify', model_path: output.path, probe_path: output.probe_path! });
  });
}
