/** Exported files in stock Keras, or in the runtime they are for: a bounded Python process loads them and predicts what the engine predicted. */
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { choice, nullable, strictObject } from '../schema.ts';
import { type PythonLaunch, runPython } from './contained-python.ts';

/** What runs a file, by the name that it has in a job's result; its script, and what it is called in sentences. */
const RUNTIMES = {
  keras: { script: 'keras_verify.py', title: 'Keras' },
  onnxruntime: { script: 'export_verify.py', title: 'onnxruntime' },
  tflite: { script: 'export_verify.py', title: 'TensorFlow Lite' },
} as const;
export type PythonRuntime = keyof typeof RUNTIMES;

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

export type NotVerifiedCode = 'KERAS_NOT_CONFIGURED' | 'KERAS_CANNOT_RUN' | 'KERAS_VERIFICATION_NOT_RUN' | 'RUNTIME_NOT_INSTALLED';

export interface KerasLaunch extends PythonLaunch {
  /** Private memory of the process; default 4 GiB and eight times the largest file. */
  memoryBytes?: number;
}

/**
 * Relative differences that pass, by the coarsest type the model computes in. Two runtimes sum in other orders: float32 is wrong by more than this only where
 * something is. Half precision is what Keras computes in and the engine does not; each step of it is wrong by up to 2⁻¹¹ (float16) or 2⁻⁸ (bfloat16).
 * Rounded weights were asked for, and int8 rounds what they are multiplied by as well: a file is refused that predicts something else, not for what that costs.
 */
const LIMITS = { float32: 1e-4, float16: 1e-2, bfloat16: 5e-2, float16_weights: 5e-2, int8_weights: 0.5 } as const;
/** A model that itself moves more than that under inputs nudged by 1e-7 may differ by ten times as much. */
const SENSITIVITY = 10;
const LARGEST_LIMIT = 5e-2;

const BASE_MEMORY_BYTES = 4 * 2 ** 30;
const MEMORY_PER_FILE_BYTE = 8;

const Answer = strictObject({
  version: Type.String(),
  files: Type.Array(
    Type.Union([
      strictObject({
        status: Type.Literal('verified'),
        samples: Type.Integer({ minimum: 1 }),
        difference: nullable(Type.Number({ minimum: 0 })),
        moved: nullable(Type.Number({ minimum: 0 })),
        dtype: choice(['float32', 'float16', 'bfloat16', 'float16_weights', 'int8_weights']),
      }),
      strictObject({ status: Type.Literal('failed'), detail: Type.String() }),
      strictObject({
        status: Type.Literal('not_verified'),
        code: choice(['KERAS_CANNOT_RUN', 'KERAS_VERIFICATION_NOT_RUN', 'RUNTIME_NOT_INSTALLED']),
        detail: Type.String(),
      }),
    ]),
  ),
});
type Answer = Static<typeof Answer>;
const answers = Compile(Answer);

/** One finding a file, in their order. `original` is the uploaded model: what Keras cannot do with that says nothing about what was made of it. */
export async function verifyInPython(
  runtime: PythonRuntime,
  files: readonly ProbedFile[],
  original: string | null,
  launch: KerasLaunch,
): Promise<KerasFinding[]> {
  const { script, title } = RUNTIMES[runtime];
  const largest = Math.max(...(await Promise.all(files.map(async ({ path }) => (await stat(path)).size))));
  const request = {
    files: files.map(({ path, probe_path }) => ({ path, probe: probe_path })),
    original,
    memory_bytes: launch.memoryBytes ?? BASE_MEMORY_BYTES + MEMORY_PER_FILE_BYTE * largest,
  };
  const begun = performance.now();
  const ran = await runPython(launch, [fileURLToPath(new URL(`./${script}`, import.meta.url)), runtime], `${JSON.stringify(request)}\n`);
  const answer = ran.kind === 'ended' ? parse(ran.output) : null;
  const found: KerasFinding[] =
    answer?.files.length === files.length
      ? answer.files.map((file) => findingOf(file, `${title} ${answer.version}`, answer.version))
      : files.map(() => ({
          kind: 'not_verified',
          code: 'KERAS_VERIFICATION_NOT_RUN',
          detail: ran.kind === 'ended' ? `Python ${ran.how}${ran.lastWords ? `: ${ran.lastWords}` : ''}` : ran.detail,
        }));
  launch.log.info({ found, ms: Math.round(performance.now() - begun) }, `${title} looked at the files`);
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

function findingOf(file: Answer['files'][number], title: string, version: string): KerasFinding {
  if (file.status === 'failed') return { kind: 'failed', detail: file.detail };
  if (file.status === 'not_verified') return { kind: 'not_verified', code: file.code, detail: file.detail };
  const { samples, difference, moved, dtype } = file;
  const limit = Math.max(LIMITS[dtype], Math.min(LARGEST_LIMIT, SENSITIVITY * (moved ?? 0)));
  if (difference === null) return { kind: 'failed', detail: `${title} predicts NaN or infinite values with it` };
  if (difference > limit) {
    return {
      kind: 'failed',
      detail: `${title} predicts up to ${difference} (relative) off what the model in memory predicts; ${limit} is allowed`,
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
