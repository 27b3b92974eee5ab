import { isModelFormat } from '../model/facts.ts';
import type { EngineProcess } from './engine-process.ts';
import type { OutputFile } from './frames.ts';
import { type KerasLaunch, type NotVerifiedCode, type PythonRuntime, verifyInPython } from './keras-verification.ts';
import type { Loss, Outcome } from './outcome.ts';
import type { WarmEngines } from './warm-engines.ts';

/** The largest relative difference between the predictions of an exported file and of the model in memory that passes. */
export const VERIFICATION_LIMIT = 1e-5;

/** What one exported file was found to predict in one runtime, as a job's `result.verification` shows it. */
export type Verified = { format: string } & (
  | { runtime: 'espalier'; samples: number; max_relative_difference: number; limit: number }
  | { runtime: PythonRuntime; version: string; samples: number; max_relative_difference: number; limit: number }
  /** Nothing was found in stock Keras, or in the runtime that an export is for, and why. */
  | { runtime: PythonRuntime; not_verified: { code: NotVerifiedCode; detail: string } }
);

export type Verification = { kind: 'verified'; files: Verified[] } | Exclude<Outcome, { kind: 'finished' | 'cancelled' | 'paused' }>;

export interface VerificationLimits {
  lost: AbortSignal;
  stopping: AbortSignal;
  progressTimeoutSeconds: number;
}

/** Where files are verified in stock Keras. */
export interface InKeras extends Omit<KerasLaunch, 'python' | 'interrupted'> {
  /** Null where the worker has no Python with Keras. */
  python: string | null;
  /** The uploaded model. */
  original: string;
}

/** What reads a format besides this service. */
const RUNTIMES: Readonly<Record<string, PythonRuntime>> = {
  keras: 'keras',
  h5: 'keras',
  onnx: 'onnxruntime',
  tflite: 'tflite',
  tflite_float16: 'tflite',
  tflite_int8: 'tflite',
};

/**
 * Loads every model in an engine that did not make it, where a model can be read of the format, then in stock Keras or the format's own runtime where there is
 * one, and compares what it predicts with what the job's engine predicted.
 */
export async function verifyOutputs(
  outputs: readonly OutputFile[],
  engines: WarmEngines,
  limits: VerificationLimits,
  keras: InKeras,
): Promise<Verification> {
  const probed = outputs.filter((output): output is ProbedOutput => output.probe_path !== null);
  if (probed.length === 0) return { kind: 'verified', files: [] };
  const readable = probed.filter(({ format }) => isModelFormat(format));
  const own: Verification = readable.length === 0 ? { kind: 'verified', files: [] } : await verifyInEngine(readable, engines, limits);
  if (own.kind !== 'verified') return own;
  const files = [...own.files];
  for (const runtime of new Set(Object.values(RUNTIMES))) {
    const its = probed.filter(({ format }) => RUNTIMES[format] === runtime);
    const others = await verifyAllInPython(runtime, its, limits, keras);
    if (others.kind !== 'verified') return others;
    files.push(...others.files);
  }
  return { kind: 'verified', files };
}

type ProbedOutput = OutputFile & { probe_path: string };

function interruption({ lost }: VerificationLimits): Loss | { kind: 'worker_stopped' } {
  return lost.aborted ? (lost.reason as Loss) : { kind: 'worker_stopped' };
}

async function verifyAllInPython(
  runtime: PythonRuntime,
  outputs: readonly ProbedOutput[],
  limits: VerificationLimits,
  keras: InKeras,
): Promise<Verification> {
  const { python, original } = keras;
  if (python === null || outputs.length === 0) {
    const detail = 'The worker has no Python with Keras: ESPALIER_KERAS_PYTHON names one';
    return {
      kind: 'verified',
      files: outputs.map(({ format }) => ({ format, runtime, not_verified: { code: 'KERAS_NOT_CONFIGURED', detail } })),
    };
  }
  const interrupted = AbortSignal.any([limits.lost, limits.stopping]);
  const found = await verifyInPython(runtime, outputs, original, { ...keras, python, interrupted });
  if (interrupted.aborted) return interruption(limits);
  const files: Verified[] = [];
  for (const [index, { format }] of outputs.entries()) {
    const finding = found[index]!;
    switch (finding.kind) {
      case 'failed':
        return {
          kind: 'failed',
          code: 'VERIFICATION_FAILED',
          detail: `The ${format} file in ${runtime === 'keras' ? 'stock Keras' : runtime}: ${finding.detail}`,
        };
      case 'verified': {
        const { kind: _, ...rest } = finding;
        files.push({ format, runtime, ...rest });
        break;
      }
      case 'not_verified':
        files.push({ format, runtime, not_verified: { code: finding.code, detail: finding.detail } });
        break;
      default:
        finding satisfies never;
    }
  }
  return { kind: 'verified', files };
}

/** The engine is ended afterwards. */
async function verifyInEngine(outputs: readonly ProbedOutput[], engines: WarmEngines, limits: VerificationLimits): Promise<Verification> {
  const files: Verified[] = [];
  const interrupted = AbortSignal.any([limits.lost, limits.stopping]);
  if (interrupted.aborted) return interruption(limits);
  const engine = await engines.take(interrupted).catch((error) => {
    if (interrupted.aborted) return null;
    throw error;
  });
  if (!engine) return interruption(limits);
  const interrupt = () => engine.process.end('SIGKILL', 'was interrupted');
  interrupted.addEventListener('abort', interrupt, { once: true });
  const limit = setTimeout(
    () => engine.process.end('SIGKILL', `did not verify the files in ${limits.progressTimeoutSeconds} s`),
    limits.progressTimeoutSeconds * 1000,
  );
  try {
    for (const output of outputs) {
      const verified = await verifyOne(engine.process, output);
      if (interrupted.aborted) return interruption(limits);
      if (verified.kind !== 'verified') return verified;
      const { max_relative_difference: difference } = verified.file;
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
  | { kind: 'verified'; file: Extract<Verified, { runtime: 'espalier' }> }
  | Extract<Outcome, { kind: 'failed' }>
  | Extract<Outcome, { kind: 'engine_lost' }>;

function verifyOne(engine: EngineProcess, output: ProbedOutput): Promise<OneVerification> {
  return new Promise((resolve) => {
    engine.gone.then((reason) => resolve({ kind: 'engine_lost', detail: `The engine that verified the ${output.format} file ${reason}` }));
    engine.listen((frame) => {
      if (frame.kind === 'failed')
        resolve({ kind: 'failed', code: 'VERIFICATION_FAILED', detail: `The ${output.format} file does not load: ${frame.detail}` });
      if (frame.kind !== 'verified') return;
      const { samples, max_relative_difference } = frame;
      resolve({
        kind: 'verified',
        file: { format: output.format, runtime: 'espalier', samples, max_relative_difference, limit: VERIFICATION_LIMIT },
      });
    });
    engine.send({ kind: 'verify', model_path: output.path, probe_path: output.probe_path });
  });
}
