/** The verification of exports in stock Keras, as a worker starts it. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../src/engine/checkpoint.ts';
import { readModel, writeModel } from '../../src/model/formats/index.ts';
import { type KerasLaunch, kerasVersion, verifyInPython } from '../../src/worker/keras-verification.ts';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { KERAS_PYTHON } from '../helpers/keras-python.ts';
import { observedLog } from '../worker/log.ts';

const keras = startKeras();
let folder: string;
let launches = 0;

/** A launch in an empty folder of its own. */
async function launch(more: Partial<KerasLaunch> = {}): Promise<KerasLaunch> {
  const own = join(folder, `launch-${launches++}`);
  await mkdir(own);
  return {
    python: KERAS_PYTHON,
    environment: process.env,
    folder: own,
    threads: 1,
    interrupted: new AbortController().signal,
    log: observedLog().log,
    ...more,
  };
}

/** A program that a worker takes for its Python. */
async function stranger(script: string): Promise<string> {
  const path = join(folder, `stranger-${launches++}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const file = (name: string, probe = name.split('.')[0]) => ({ path: join(folder, name), probe_path: join(folder, `${probe}.probe`) });

function writeProbe(name: string, { inputs, outputs }: { inputs: KerasArray[]; outputs: KerasArray[] }): void {
  const numbered = (letter: string, arrays: KerasArray[]) => arrays.map((array, index) => [`${letter}${index}`, array] as const);
  writeCheckpoint(join(folder, `${name}.probe`), { state: null, arrays: new Map([...numbered('x', inputs), ...numbered('y', outputs)]) });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-verify-'));
  const made = await keras.run<Record<string, { inputs: KerasArray[]; outputs: KerasArray[] }>>('exports', { folder });
  for (const [name, probe] of Object.entries(made)) writeProbe(name, probe);
  const { inputs, outputs } = made.dense!;
  const other = outputs.map(({ shape, data }) => ({ shape, data: data.map((value, index) => (index === 7 ? value + 0.01 : value)) }));
  writeProbe('other', { inputs, outputs: other });
  writeProbe('fewer', { inputs, outputs: outputs.map(({ data }) => ({ shape: [40, 1], data: data.slice(0, 40) })) });
  const whole = await readFile(join(folder, 'dense.keras'));
  await writeFile(join(folder, 'damaged.keras'), whole.subarray(0, whole.length / 2));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('stock Keras', () => {
  it('predicts what was exported, or says how it does not', async () => {
    const names = ['dense.keras', 'dense.h5', 'several.keras', 'tokens.keras', 'half.keras'];
    const files = [
      ...names.map((name) => file(name)),
      file('dense.keras', 'other'),
      file('dense.keras', 'fewer'),
      file('damaged.keras', 'dense'),
    ];
    const found = await verifyInPython('keras', files, join(folder, 'dense.keras'), await launch());
    for (const [index, name] of names.entries()) {
      expect(found[index], name).toMatchObject({ kind: 'verified', version: '3.15.1', samples: 40 });
    }
    const differences = found.slice(0, 5).map((finding) => (finding.kind === 'verified' ? finding.max_relative_difference : Number.NaN));
    for (const difference of differences.slice(0, 4)) expect(difference).toBeLessThan(1e-6);
    // Half precision is further off than float32 may be, and its limit says so.
    expect(differences[4]).toBeGreaterThan(1e-4);
    expect(found.slice(0, 5).map((finding) => (finding.kind === 'verified' ? finding.limit : 0))).toEqual([1e-4, 1e-4, 1e-4, 1e-4, 1e-2]);
    expect(found[5]).toMatchObject({
      kind: 'failed',
      detail: expect.stringMatching(/predicts up to 0\.01\d* \(relative\) off .*; 0\.0001 is allowed/),
    });
    expect(found[6]).toMatchObject({ kind: 'failed', detail: expect.stringContaining('Its outputs have shapes') });
    expect(found[7]).toMatchObject({ kind: 'failed', detail: expect.stringContaining('Keras 3.15.1 does not load it') });
  });

  it('says nothing about a file where it cannot load what was uploaded either', async () => {
    const found = await verifyInPython('keras', [file('damaged.keras', 'dense')], join(folder, 'damaged.keras'), await launch());
    expect(found).toMatchObject([
      { kind: 'not_verified', code: 'KERAS_CANNOT_RUN', detail: expect.stringContaining('The uploaded model does not load there either') },
    ]);
  });

  it('tells its version', async () => {
    expect(await kerasVersion(await launch())).toBe('3.15.1');
    await expect(kerasVersion(await launch({ python: '/no/python' }))).rejects.toThrow('/no/python cannot be started');
  });
});

describe('onnxruntime', () => {
  it('predicts what was exported, or says how it does not', async () => {
    const names = ['dense', 'several', 'tokens'];
    for (const name of names) {
      await writeFile(join(folder, `${name}.onnx`), await writeModel(await readModel(join(folder, `${name}.keras`)), 'onnx'));
    }
    await writeFile(join(folder, 'damaged.onnx'), (await readFile(join(folder, 'dense.onnx'))).subarray(0, 200));
    const files = [...names.map((name) => file(`${name}.onnx`)), file('dense.onnx', 'other'), file('damaged.onnx', 'dense')];
    const found = await verifyInPython('onnxruntime', files, null, await launch());
    for (const [index, name] of names.entries()) {
      expect(found[index], name).toMatchObject({ kind: 'verified', samples: 40, limit: 1e-4 });
      expect((found[index] as { max_relative_difference: number }).max_relative_difference, name).toBeLessThan(1e-6);
    }
    expect(found[3]).toMatchObject({ kind: 'failed', detail: expect.stringMatching(/onnxruntime .* predicts up to 0\.01/) });
    expect(found[4]).toMatchObject({ kind: 'failed', detail: expect.stringContaining('does not load it') });
  });

  it('is missed where a Python has none', async () => {
    expect(await verifyInPython('onnxruntime', [file('dense.onnx')], null, await launch({ python: 'python3' }))).toMatchObject([
      { kind: 'not_verified', code: 'RUNTIME_NOT_INSTALLED', detail: expect.stringContaining('pip install onnx onnxruntime') },
    ]);
  });
});

describe('TensorFlow Lite', () => {
  it('predicts what was exported, or says how it does not, within what its weights allow', async () => {
    const names = ['dense', 'several', 'tokens'];
    for (const name of names) {
      const document = await readModel(join(folder, `${name}.keras`));
      await writeFile(join(folder, `${name}.tflite`), await writeModel(document, 'tflite'));
    }
    await writeFile(join(folder, 'damaged.tflite'), (await readFile(join(folder, 'dense.tflite'))).subarray(0, 200));
    const files = [...names.map((name) => file(`${name}.tflite`)), file('dense.tflite', 'other'), file('damaged.tflite', 'dense')];
    const found = await verifyInPython('tflite', files, null, await launch());
    for (const [index, name] of names.entries()) {
      expect(found[index], name).toMatchObject({ kind: 'verified', samples: 40, limit: 1e-4 });
      expect((found[index] as { max_relative_difference: number }).max_relative_difference, name).toBeLessThan(1e-6);
    }
    expect(found[3]).toMatchObject({ kind: 'failed', detail: expect.stringMatching(/TensorFlow Lite .* predicts up to 0\.01/) });
    expect(found[4]).toMatchObject({ kind: 'failed', detail: expect.stringContaining('does not load it') });
  });
});

describe('the process', () => {
  const files = () => [file('dense.keras')];
  const notRun = (detail: string | RegExp) => [
    { kind: 'not_verified', code: 'KERAS_VERIFICATION_NOT_RUN', detail: expect.stringMatching(detail) },
  ];

  it('sees nothing of the worker but where libraries are', async () => {
    const python = await stranger('env > seen; echo "It is no Python" >&2; exit 3');
    const own = await launch({ python, environment: { ...process.env, DATABASE_URL: 'secret', PYTHONPATH: 'secret', HOME: 'secret' } });
    expect(await verifyInPython('keras', files(), null, own)).toMatchObject(notRun('ended with code 3: It is no Python'));
    const seen = await readFile(join(own.folder, 'seen'), 'utf8');
    expect(seen).not.toContain('secret');
    expect(seen).toContain(`HOME=${own.folder}`);
    expect(seen).toContain('CUDA_VISIBLE_DEVICES=\n');
  });

  it('is ended when it takes too long, when it says too much, and when nobody wants to know any more', async () => {
    const endless = await stranger('exec cat > /dev/null');
    expect(await verifyInPython('keras', files(), null, await launch({ python: endless, timeoutMs: 50 }))).toMatchObject(
      notRun('longer than 0.05 s'),
    );
    const talkative = await stranger('exec yes');
    expect(await verifyInPython('keras', files(), null, await launch({ python: talkative }))).toMatchObject(notRun('answered more than'));
    const interrupted = new AbortController();
    const found = verifyInPython('keras', files(), null, await launch({ python: endless, interrupted: interrupted.signal }));
    interrupted.abort();
    expect(await found).toMatchObject(notRun('interrupted'));
    expect(await verifyInPython('keras', files(), null, await launch({ python: '/no/python' }))).toMatchObject(notRun('cannot be started'));
  });

  it('has so much memory and no more', async () => {
    const found = await verifyInPython('keras', files(), null, await launch({ memoryBytes: 128 * 2 ** 20 }));
    expect(found).toMatchObject(notRun(/./));
  });
});
