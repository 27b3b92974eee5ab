/** Python in a bounded process that sees nothing of the worker. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Logger } from 'pino';

export interface PythonLaunch {
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
}

const TIMEOUT_MS = 300_000;
const LONGEST_ANSWER = 2 ** 20;

export type Ran = { kind: 'ended'; output: string; how: string; lastWords: string } | { kind: 'not_run'; detail: string };

/** Runs Python isolated from its user's and the worker's settings, with what it reads on standard input, which stays open: its end would be the parent's. */
export async function runPython(launch: PythonLaunch, code: string[], input: string): Promise<Ran> {
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
function pythonEnvironment({ environment, folder, threads }: PythonLaunch): Record<string, string> {
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
