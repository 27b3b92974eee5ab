/** Those who call the service, each as a process of its own, all of one that runs: the clients and the examples. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KERAS_PYTHON } from '../helpers/keras-python.ts';
import { endAll, runEspalier } from './espalier.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let folder: string;
let address: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-callers-'));
  address = await runEspalier('up', { ESPALIER_DATA: join(folder, 'data') }).address();
});
afterAll(async () => {
  await endAll();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** What a program prints that ends well. */
async function run(program: string, parameters: string[], environment: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(program, parameters, {
    cwd: ROOT,
    env: { ...process.env, ESPALIER_ADDRESS: address, ...environment },
    maxBuffer: 2 ** 24,
  }).catch((error) => {
    throw new Error(`${program} ${parameters.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

it('the TypeScript client passes its tests', async () => {
  const parameters = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=tap', 'clients/typescript/test/client.test.ts'];
  expect(await run(process.execPath, parameters)).toContain('# fail 0');
});

it('the Python client passes its tests in stock Keras’ environment', async () => {
  await run(KERAS_PYTHON, ['clients/python/tests/test_client.py'], { PYTHONPATH: 'clients/python', TF_CPP_MIN_LOG_LEVEL: '3' });
});
