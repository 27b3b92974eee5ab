/** Exported files in stock Keras: a bounded Python process loads them and predicts what the engine predicted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { choice, nullable, strictObject } from '../schema.ts';

const SCRIPT = fileURLToPath(new URL('./keras_verify.py', import.meta.url));

/** A model file and the probe that it is held against. */
export interface ProbedFile {
  path: string;
  probe_path: string;
}

/** What was found of a file; `not_verified` says nothing about it. */
export type KerasFinding =
  | { kind: 'verified'; version: string; samples: number; max_relative_difference: number; limit: number }
  | { kind: 'failed'; detail: string }
  | { kind: 'not_verified'; code: NotVerifiedCode; detail: string };

export type NotVerifiedCode = 'KERAS_NOT_CONFIGURED' | 'KERAS_CANNOT_RUN' | 'KERAS_VERIFICATION_NOT_RUN';

export interface KerasLaunch {
  /** The Python that has Keras. */
  python: string;
  /** The worker's own environment, of which Python sees how to find libraries and nothing else. */
  environment: Readonly<Record<string, string | undefined>>;
  /** An empty folder, which is its home too: nobody's Keras configuration applies. */
  folder: string;
  threads: number;
  /** Aborted when nobody wants to know any more. */
  interrupted: AbortSignal;
  log: Logger;
  timeoutMs?: number;
  /** Private memory of the process; default 4 GiB and eight times the largest file. */
  memoryBytes?: number;
}

/**
 * Relative differences that pass, by the coarsest type the model computes in. Two runtimes sum in other orders: float32 is wrong by more than this only where
 * something is. Half precision is what Keras computes in and the engine does not; each step of it is wrong by up to 2⁻¹¹ (float16) or 2⁻⁸ (bfloat16).
 */
const LIMITS = { float32: 1e-4, float16: 1e-2, bfloat16: 5e-2 } as const;
/** A model that itself moves more than that under inputs nudged by 1e-7 may differ by ten times as much. */
const SENSITIVITY = 10;
const LARGEST_LIMIT = 5e-2;

const TIMEOUT_MS = 300_000;
const BASE_MEMORY_BYTES = 4 * 2 ** 30;
const MEMORY_PER_FILE_BYTE = 8;
const LONGEST_ANSWER = 2 ** 20;

const Answer = strictObject({
  keras: Type.String(),
  files: Type.Array(
    Type.Union([
      strictObject({
        status: Type.Literal('verified'),
        samples: Type.Integer({ minimum: 1 }),
        difference: nullable(Type.Number({ minimum: 0 })),
        moved: nullable(Type.Number({ minimum: 0 })),
        dtype: choice(['float32', 'float16', 'bfloat16']),
      }),
      strictObject({ status: Type.Literal('failed'), detail: Type.String() }),
      strictObject({
        status: Type.Literal('not_verified'),
        code: choice(['KERAS_CANNOT_RUN', 'KERAS_VERIFICATION_NOT_RUN']),
        detail: Type.String(),
      }),
    ]),
  ),
});
type Answer = Static<typeof Answer>;
const answers = Compile(Answer);

/** One finding a file, in their order. `original` is the uploaded model: what Keras cannot do with that says nothing about what was made of it. */
export async function verifyInKeras(files: readonly ProbedFile[], original: string | null, launch: KerasLaunch): Promise<KerasFinding[]> {
  const largest = Math.max(...(await Promise.all(files.map(async ({ path }) => (await stat(path)).size))));
  const request = {
    files: files.map(({ path, probe_path }) => ({ path, probe: probe_path })),
    original,
    memory_bytes: launch.memoryBytes ?? BASE_MEMORY_BYTES + MEMORY_PER_FILE_BYTE * largest,
  };
  const begun = performance.now();
  const ran = await runPython(launch, [SCRIPT], `${JSON.stringify(request)}\n`);
  const answer = ran.kind === 'ended' ? parse(ran.output) : null;
  const found: KerasFinding[] =
    answer?.files.length === files.length
      ? answer.files.map((file) => findingOf(file, answer.keras))
      : files.map(() => ({
          kind: 'not_verified',
          code: 'KERAS_VERIFICATION_NOT_RUN',
          detail: ran.kind === 'ended' ? `Python ${ran.how}${ran.lastWords ? `: ${ran.lastWords}` : ''}` : ran.detail,
        }));
  launch.log.info({ found, ms: Math.round(performance.now() - begun) }, 'Keras looked at the files');
  return found;
}

/** The version of the Keras that a Python has. Throws an Error that says why there is none. */
export async function kerasVersion(launch: KerasLaunch): Promise<string> {
  const ran = await runPython(launch, ['-c', 'import keras; print(keras.__version__)'], '');
  const version = ran.kind === 'ended' ? ran.output.trim().split('\n').at(-1) : undefined;
  if (ran.kind !== 'ended') throw new Error(ran.detail);
  if (!version) throw new Error(`${launch.python} ${ran.how}${ran.lastWords ? `: ${ran.lastWords}` : ''}`);
  return version;
}

function findingOf(file: Answer['files'][number], version: string): KerasFinding {
  if (file.status === 'failed') return { kind: 'failed', detail: file.detail };
  if (file.status === 'not_verified') return { kind: 'not_verified', code: file.code, detail: file.detail };
  const { samples, difference, moved, dtype } = file;
  const limit = Math.max(LIMITS[dtype], Math.min(LARGEST_LIMIT, SENSITIVITY * (moved ?? 0)));
  if (difference === null) return { kind: 'failed', detail: `Keras ${version} predicts NaN or infinite values with it` };
  if (difference > limit) {
    return {
      kind: 'failed',
      detail: `Keras ${version} predicts up to ${difference} (relative) off what the model in memory predicts; ${limit} is allowed`,
    };
  }
  return { kind: 'verified', version, samples, max_relative_difference: difference, limit };
}

function parse(output: string): Answer | null {
  try {
    const answer: unknown = JSON.parse(output);
    return answers.Check(answer) ? answer : null;
  } catch {
    return null;
  }
}

type Ran = { kind: 'ended'; output: string; how: string; lastWords: string } | { kind: 'not_run'; detail: string };

/** Runs Python isolated from its user's and the worker's settings, with what it reads on standard input, which stays open: its end would be the parent's. */
async function runPython(launch: KerasLaunch, code: string[], input: string): Promise<Ran> {
  const { python, folder, interrupted, timeoutMs = TIMEOUT_MS } = launch;
  if (interrupted.aborted) return { kind: 'not_run', detail: 'It was interrupted' };
  const child = spawn(python, ['-I', '-B', ...code], { cwd: folder, env: pythonEnvironment(launch), stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let lastWords = '';
  let ended: string | null = null;
  const end = (why: string) => {
    ended ??= why;
    child.kill('SIGKILL');
  };
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.length > LONGEST_ANSWER) end(`Python answered more than ${LONGEST_ANSWER} characters`);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-2_000);
  });
  child.stdin.write(input);
  const timer = setTimeout(() => end(`Python took longer than ${timeoutMs / 1000} s`), timeoutMs);
  const interrupt = () => end('It was interrupted');
  interrupted.addEventListener('abort', interrupt, { once: true });
  try {
    const [exitCode, signal] = await once(child, 'close');
    if (ended !== null) return { kind: 'not_run', detail: ended };
    const how = signal === null ? `ended with code ${exitCode}` : `ended with signal ${signal}`;
    return { kind: 'ended', output, how, lastWords: lastWords.trim().split('\n').at(-1) ?? '' };
  } catch (error) {
    return { kind: 'not_run', detail: `${python} cannot be started: ${(error as Error).message}` };
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', interrupt);
  }
}

/** All that the process may see of the worker's environment is where libraries are. */
function pythonEnvironment({ environment, folder, threads }: KerasLaunch): Record<string, string> {
  const { PATH, LD_LIBRARY_PATH } = environment;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
    LANG: 'C.UTF-8',
    HOME: folder,
    TMPDIR: folder,
    KERAS_HOME: folder,
    CUDA_VISIBLE_DEVICES: '',
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    TF_CPP_MIN_LOG_LEVEL: '3',
    TF_NUM_INTRAOP_THREADS: `${threads}`,
    TF_NUM_INTEROP_THREADS: `${threads}`,
    OMP_NUM_THREADS: `${threads}`,
  };
}
