/** Those who call the service, all of one that runs: somebody at the live page, then, each as a process of its own, the clients and the examples. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERAS_PYTHON } from '../helpers/keras-python.ts';
import { endAll, runEspalier } from './espalier.ts';
import { downloaded, looksRight, openBrowser, visit } from './live-page.ts';

/** Engines and a browser share the cores with whatever else runs. */
const PATIENCE_MS = 300_000;
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

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind.
async function call(method: string, path: string, body?: object): Promise<any> {
  const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(`${address}${path}`, { method, ...json });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${await answer.text()}`);
  return answer.json();
}

/** What a program prints that ends well. */
async function run(program: string, parameters: string[], environment: Record<string, string> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(program, parameters, {
    cwd: ROOT,
    env: { ...process.env, ESPALIER_ADDRESS: address, ...environment },
    maxBuffer: 2 ** 24,
  }).catch((error) => {
    throw Object.assign(new Error(`${program} ${parameters.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`), {
      code: error.code,
    });
  });
  return stdout;
}

describe('the live page', { timeout: PATIENCE_MS }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  it('leads from nothing to a smaller model, by labels and roles alone', async () => {
    const { page, complaints } = await visit(browser, address, 'light');
    await page.getByText('There are none yet.').waitFor();
    await looksRight(page, 'empty');
    await page.getByRole('link', { name: 'Start one.' }).click();

    const start = page.getByRole('button', { name: 'Start the job' });
    await start.waitFor();
    await page.getByLabel('Model file').setInputFiles('examples/seed/seed.keras');
    await page.getByRole('button', { name: 'Upload model' }).click();
    await page.getByText('seed is uploaded and chosen below.').waitFor();
    await page.getByLabel('Data file').setInputFiles('examples/seed/data.npz');
    await page.getByRole('button', { name: 'Upload data set' }).click();
    await page.getByText('data is uploaded and chosen below.').waitFor();

    // What the service says of the form stands in a summary that has the focus, and leads to the place.
    await start.click();
    await page.getByText("The field 'pruning' is missing").first().waitFor();
    expect(await page.evaluate(`document.activeElement?.getAttribute('role')`)).toBe('alert');
    await looksRight(page, 'refused');
    await page.getByRole('link', { name: 'pruning', exact: true }).click();
    expect(await page.evaluate('document.activeElement?.id')).toBe('/pruning');

    await page.getByRole('group', { name: 'criterion' }).getByLabel('type').selectOption('magnitude');
    await page.getByLabel('sparsity', { exact: true }).fill('0.5');
    await page.getByText('fine tuning (default)').click();
    await page.getByLabel('use fine tuning').check();
    await page.getByLabel('epochs', { exact: true }).fill('5');
    await start.click();

    await page.getByRole('heading', { name: 'prune job' }).waitFor();
    await page.getByRole('status').getByText('succeeded').waitFor();
    await page.getByRole('img', { name: /^Loss by step\. Last: training [\d.]+, selection split [\d.]+$/ }).waitFor();
    await page.getByRole('img', { name: /^Gradient norm by step/ }).waitFor();
    await page.getByText('Numbers by epoch').click();
    expect(
      await page
        .getByRole('table', { name: /^After each evaluation/ })
        .getByRole('row')
        .count(),
    ).toBe(6);
    await looksRight(page, 'job');
    const [, id] = /#\/jobs\/(\w+)$/.exec(page.url())!;
    const job = await call('GET', `/v1/jobs/${id}`);
    const { filename, sha256 } = job.artifacts.find(({ role }: { role: string }) => role === 'model');
    expect(await downloaded(page, `Download ${filename}`)).toEqual({ name: filename, sha256 });
    const [report] = await Promise.all([page.waitForEvent('popup'), page.getByRole('link', { name: 'Report' }).click()]);
    await report.getByRole('heading', { level: 1 }).waitFor();
    await report.close();
    expect(complaints).toEqual([]);
  });

  it('cancels a job by keyboard, in the dark', async () => {
    const { model_id, dataset_id } = (await call('GET', '/v1/jobs')).data[0];
    const { id } = await call('POST', '/v1/jobs', { type: 'train', model_id, dataset_id, training: { epochs: 100_000 } });
    const { page, complaints } = await visit(browser, address, 'dark');
    await page.getByRole('link', { name: id }).press('Enter');
    await page.getByRole('img', { name: /^Loss by step/ }).waitFor();
    await looksRight(page, 'running-dark');
    await page.getByRole('button', { name: 'Cancel' }).press('Enter');
    await page.getByRole('status').getByText('cancelled').waitFor();
    expect(complaints).toEqual([]);
  });
});

it('the TypeScript client passes its tests', { timeout: PATIENCE_MS }, async () => {
  const parameters = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=tap', 'clients/typescript/test/client.test.ts'];
  expect(await run(process.execPath, parameters)).toContain('# fail 0');
});

it('the Python client passes its tests in stock Keras’ environment', { timeout: PATIENCE_MS }, async () => {
  await run(KERAS_PYTHON, ['clients/python/tests/test_client.py'], { PYTHONPATH: 'clients/python', TF_CPP_MIN_LOG_LEVEL: '3' });
});

describe('the examples', { timeout: PATIENCE_MS }, () => {
  const python = { PYTHONPATH: 'clients/python', TF_CPP_MIN_LOG_LEVEL: '3' };

  it('curl/prune.sh leaves a smaller model and its report, and ci/gate.py judges it by its exit code', async () => {
    expect(await run('examples/curl/prune.sh', ['examples/seed/seed.keras', 'examples/seed/data.npz', folder])).toContain(
      "'smaller': {'verdict': 'proven'",
    );
    expect((await stat(join(folder, 'smaller.keras'))).size).toBeLessThan((await stat('examples/seed/seed.keras')).size);
    expect(await readFile(join(folder, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/i);

    const gate = (threshold: string) => {
      const files = ['examples/seed/seed.keras', join(folder, 'smaller.keras'), 'examples/seed/data.npz'];
      return run(KERAS_PYTHON, ['examples/ci/gate.py', ...files, '--threshold', threshold, '--report', join(folder, 'gate.html')], python);
    };
    expect(await gate('max_loss_increase=100')).toMatch(/^holds {3}max_loss_increase: .*\npassed on 200 samples\n$/);
    expect(await readFile(join(folder, 'gate.html'), 'utf8')).toContain('max_loss_increase');
    await expect(gate('max_loss_increase=-100')).rejects.toMatchObject({
      code: 1,
      message: expect.stringContaining('BROKEN  max_loss_increase'),
    });
    await expect(gate('max_los_increase=1')).rejects.toMatchObject({
      code: 2,
      message: expect.stringContaining("Did you mean 'max_loss_increase'?"),
    });
  });

  it('python/prune_live_model.py trains, is refused, prunes and predicts', async () => {
    const told = await run(KERAS_PYTHON, ['examples/python/prune_live_model.py'], python);
    expect(told).toContain('refused with TARGET_OUT_OF_REACH');
    expect(told).toContain('smaller: proven');
  });
});

it('the live page asks for a key once one is needed, and sends it in headers only', { timeout: PATIENCE_MS }, async () => {
  const { secret } = await call('POST', '/v1/keys', { name: 'page', role: 'admin' });
  const browser = await openBrowser();
  const { page, complaints, asked } = await visit(browser, address, 'light');
  await page.getByRole('dialog', { name: 'API key' }).waitFor();
  await looksRight(page, 'key');
  await page.getByLabel('Key', { exact: true }).fill(secret);
  await page.keyboard.press('Enter');
  await page
    .getByRole('row', { name: /prune succeeded/ })
    .first()
    .getByRole('link')
    .click();
  const file = await downloaded(page, /^Download .*keras$/);
  expect(file.name).toMatch(/keras$/);
  expect((await downloaded(page, 'Report')).name).toMatch(/^job_\w+\.html$/);
  expect(asked.filter((url) => url.includes(secret))).toEqual([]);
  expect(complaints).toEqual([]);
  // It is this tab's.
  const { page: other } = await visit(browser, address, 'light');
  await other.getByRole('dialog', { name: 'API key' }).waitFor();
  await browser.close();
});
