import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Problem } from '../../src/errors.ts';
import type { Task } from '../../src/upload/messages.ts';
import { createReaders, type ReaderLimits } from '../../src/upload/readers.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

const limits: ReaderLimits = { memoryMib: 32, timeoutMs: 30_000, code: 'MODEL_UNREADABLE' };
const task = (path: string): Task => ({ kind: 'model', path });

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'espalier-upload-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A process that does this with the path of its task. */
function script(code: string): URL {
  const path = join(folder(), 'reader.mjs');
  writeFileSync(
    path,
    `import fs from 'node:fs';
const answer = (result) => process.send({ kind: 'result', result });
process.on('disconnect', () => process.exit());
process.once('message', ({ path }) => {
${code}
});`,
  );
  return pathToFileURL(path);
}

/** Whether a process is there. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    (value) => expect.fail(`accepted: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof Problem) return error;
  throw error;
}

describe('readers', () => {
  it('run no more at once than they may, and the others in turn', async () => {
    const log = join(folder(), 'log');
    const go = join(folder(), 'go');
    writeFileSync(log, '');
    writeFileSync(go, '');
    // Each ends when the test has named it in the file.
    const readers = createReaders(
      script(`fs.appendFileSync(${JSON.stringify(log)}, path);
while (!fs.readFileSync(${JSON.stringify(go)}, 'utf8').includes(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
answer(path);`),
      2,
    );
    const started = () => readFileSync(log, 'utf8');
    const results = ['a', 'b', 'c', 'd'].map((name) => readers.run(task(name), limits));
    await expect.poll(() => [...started()].sort().join(''), { timeout: 20_000 }).toBe('ab');
    writeFileSync(go, 'a');
    expect(await results[0]).toBe('a');
    await expect.poll(started, { timeout: 20_000 }).toMatch(/c$/);
    expect(started().length).toBe(3);
    writeFileSync(go, 'abcd');
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('that throw, end early or never end are gone, and free their place', async () => {
    const pids = join(folder(), 'pids');
    const readers = createReaders(
      script(`fs.appendFileSync(${JSON.stringify(pids)}, process.pid + ' ');
if (path === 'throw') throw new Error('thrown');
if (path === 'exit') process.exit(3);
if (path === 'abort') process.abort();
if (path === 'forever') for (;;);
if (path === 'hang') setInterval(() => {}, 1000);
else answer('done');`),
      1,
    );
    await expect(readers.run(task('throw'), limits)).rejects.toThrow(/ended with code 1 and no result.*Error: thrown/s);
    await expect(readers.run(task('exit'), limits)).rejects.toThrow('ended with code 3 and no result');
    await expect(readers.run(task('abort'), limits)).rejects.toThrow('ended with SIGABRT and no result');
    await expect(readers.run(task('forever'), { ...limits, timeoutMs: 1000 })).rejects.toThrow('longer than the limit of 1 s');
    await expect(readers.run(task('hang'), { ...limits, timeoutMs: 1000 })).rejects.toThrow('longer than the limit of 1 s');
    expect(await readers.run(task('well'), limits)).toBe('done');
    const started = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    expect(started.length).toBe(6);
    expect(started.filter(isAlive)).toEqual([]);
  });

  it('that are out of memory say so and free their place', async () => {
    const readers = createReaders(
      script(`const kept = [];
if (path === 'loop') for (;;) kept.push(new Array(1000).fill(kept.length));
if (path === 'one') JSON.parse('[' + '[],'.repeat(5_000_000) + '[]]');
answer('done');`),
      1,
    );
    for (const way of ['loop', 'one']) {
      const problem = await problemOf(readers.run(task(way), limits));
      expect([problem.code, problem.message]).toEqual([
        'MODEL_UNREADABLE',
        'Reading the upload needed more memory than the limit of 32 MiB',
      ]);
    }
    expect(await readers.run(task('little'), limits)).toBe('done');
  });

  it('see nothing of our environment', async () => {
    process.env.ESPALIER_TEST_SECRET = 'secret';
    onTestFinished(() => {
      delete process.env.ESPALIER_TEST_SECRET;
    });
    const readers = createReaders(script('answer(Object.keys(process.env));'), 1);
    const names = (await readers.run(task(''), limits)) as string[];
    expect(names.filter((name) => !name.startsWith('NODE_'))).toEqual([]);
  });

  it('bring numbers across as they are', async () => {
    const readers = createReaders(script('answer([-0, NaN, 1e300, new Float32Array([0.5])]);'), 1);
    expect(await readers.run(task(''), limits)).toEqual([-0, Number.NaN, 1e300, Float32Array.of(0.5)]);
  });
});
