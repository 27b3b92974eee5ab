/** Stock Keras in one Python process a test file: requests go to `test/keras/server.py`, which runs the script they name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import { KERAS_PYTHON } from './keras-python.ts';

export interface KerasArray {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

export interface Keras {
  /** The answer of a script in `test/keras`. Rejects with the Python traceback. */
  run<Result>(script: string, args: unknown): Promise<Result>;
}

/** Starts Keras, which is ended after the file's last test. Call it as the file loads: it starts while TensorFlow loads here. */
export function startKeras(): Keras {
  const child: ChildProcess = spawn(KERAS_PYTHON, [resolve(import.meta.dirname, '../keras/server.py')], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let lastWords = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-4000);
  });
  const waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const { result, error } = JSON.parse(line, arrayReviver) as { result?: unknown; error?: string };
    const request = waiting.shift()!;
    if (error === undefined) request.resolve(result);
    else request.reject(new Error(error));
  });
  const ended = new Promise<void>((done) => {
    child.once('close', (code) => {
      for (const request of waiting.splice(0)) request.reject(new Error(`Keras ended with code ${code}. ${lastWords}`));
      done();
    });
  });
  afterAll(async () => {
    child.stdin!.end();
    await ended;
  });
  return {
    run: <Result>(script: string, args: unknown) =>
      new Promise<Result>((resolve, reject) => {
        waiting.push({ resolve: resolve as (answer: unknown) => void, reject });
        child.stdin!.write(`${JSON.stringify({ script, args }, arrayReplacer)}\n`);
      }),
  };
}

function arrayReviver(_key: string, value: unknown): unknown {
  const { shape, data } = (value ?? {}) as { shape?: number[]; data?: unknown };
  if (!Array.isArray(shape) || typeof data !== 'string') return value;
  return { shape, data: new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer) };
}

function arrayReplacer(_key: string, value: unknown): unknown {
  if (!(value instanceof Float32Array)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}
