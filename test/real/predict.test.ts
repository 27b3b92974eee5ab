/** Predictions of a whole service against stock Keras. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KerasArray, startKeras } from '../helpers/keras.ts';
import { expectClose } from '../helpers/numbers.ts';
import { endAll, type Running, runEspalier } from './espalier.ts';

type Lists = number | null | Lists[];
interface Made {
  inputs: Record<string, KerasArray>;
  outputs: KerasArray[];
}

const keras = startKeras();
let folder: string;
let service: Running;
let address: string;
let made: Record<'dense' | 'image' | 'several' | 'tokens', Made>;
const ids: Record<string, string> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-predict-'));
  service = runEspalier('up', { ESPALIER_DATA: join(folder, 'data') });
  made = await keras.run('predictions', { folder });
  address = await service.address();
  for (const name of Object.keys(made)) {
    const form = new FormData();
    form.append('file', new Blob([await readFile(join(folder, `${name}.keras`))]), `${name}.keras`);
    const answer = await fetch(new URL('/v1/models', address), { method: 'POST', body: form });
    ids[name] = ((await answer.json()) as { id: string }).id;
  }
});
afterAll(async () => {
  await endAll();
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const lists = ({ shape, data }: KerasArray): Lists => {
  let at = 0;
  const level = (depth: number): Lists =>
    depth === shape.length ? data[at++]! : Array.from({ length: shape[depth]! }, () => level(depth + 1));
  return level(0);
};
const post = (name: string, body: FormData | object, headers: Record<string, string> = {}) =>
  fetch(new URL(`/v1/models/${ids[name]}/predict`, address), {
    method: 'POST',
    headers: { ...(body instanceof FormData ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body instanceof FormData ? body : JSON.stringify(body),
  });
// biome-ignore lint/suspicious/noExplicitAny: answers of every kind.
const predict = async (name: string, body: object): Promise<any> => {
  const answer = await post(name, body);
  const answered = await answer.json();
  expect(answer.status, JSON.stringify(answered)).toBe(200);
  return answered;
};
const flat = (value: Lists) => Float32Array.from([value].flat(9) as number[]);
const arraysOf = async (answer: Response): Promise<Record<string, KerasArray>> => {
  const path = join(folder, 'answer.npz');
  await writeFile(path, Buffer.from(await answer.arrayBuffer()));
  return keras.run('predictions_load', { path });
};

describe('predictions', () => {
  it('are those of Keras, as lists for lists', async () => {
    for (const name of ['dense', 'image'] as const) {
      const [input] = Object.values(made[name].inputs);
      const [wanted] = made[name].outputs;
      const { outputs, samples, warnings, model_id } = await predict(name, { inputs: lists(input!) });
      expect({ samples, warnings, model_id }).toEqual({ samples: wanted!.shape[0], warnings: [], model_id: ids[name] });
      expect([outputs.length, outputs[0].length]).toEqual(wanted!.shape);
      expectClose(flat(outputs), wanted!.data, { relative: 1e-5 });
    }
  });

  it('come by name where inputs do, and where there are several', async () => {
    const { outputs } = await predict('dense', { inputs: { numbers: lists(made.dense.inputs.numbers!) } });
    expectClose(flat(outputs.class), made.dense.outputs[0]!.data, { relative: 1e-5 });
    const { left, right } = made.several.inputs;
    const several = await predict('several', { inputs: { right: lists(right!), left: lists(left!) } });
    expect(Object.keys(several.outputs)).toEqual(['one', 'other']);
    expectClose(flat(several.outputs.one), made.several.outputs[0]!.data, { relative: 1e-5 });
    expectClose(flat(several.outputs.other), made.several.outputs[1]!.data, { relative: 1e-5 });
  });

  it('take sequences of any length where the model does', async () => {
    const { outputs } = await predict('tokens', { inputs: lists(made.tokens.inputs.tokens!) });
    expect([outputs.length, outputs[0].length, outputs[0][0].length]).toEqual([3, 11, 3]);
    expectClose(flat(outputs), made.tokens.outputs[0]!.data, { relative: 1e-5 });
    expect((await predict('tokens', { inputs: [[1, 2]] })).outputs[0]).toHaveLength(2);
  });

  it('come as npz for npz, of any number type and order, and in the other form where that is asked for', async () => {
    for (const name of ['image', 'several'] as const) {
      const form = new FormData();
      form.append('file', new Blob([await readFile(join(folder, `${name}.npz`))]), 'inputs.npz');
      const answer = await post(name, form);
      expect(answer.headers.get('content-type')).toBe('application/zip');
      const arrays = Object.values(await arraysOf(answer));
      expect(arrays).toHaveLength(made[name].outputs.length);
      for (const [index, wanted] of made[name].outputs.entries()) {
        expect(arrays[index]!.shape).toEqual(wanted.shape);
        expectClose(arrays[index]!.data, wanted.data, { relative: 1e-5 });
      }
    }
    const json = await post('dense', { inputs: lists(made.dense.inputs.numbers!) }, { accept: 'application/zip' });
    expect(Object.keys(await arraysOf(json))).toEqual(['y']);
    const form = new FormData();
    form.append('file', new Blob([await readFile(join(folder, 'dense.npz'))]), 'inputs.npz');
    const npz = (await (await post('dense', form, { accept: 'application/json' })).json()) as { outputs: Lists };
    expectClose(flat(npz.outputs), made.dense.outputs[0]!.data, { relative: 1e-5 });
  });

  it('say where outputs are not finite', async () => {
    const inputs = [[1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38, 1e38]];
    const shaped = Array.from({ length: 6 }, () => Array.from({ length: 5 }, () => inputs[0]!.slice(0, 2)));
    const { outputs, warnings } = await predict('image', { inputs: [shaped] });
    expect(outputs[0]).toContain(null);
    expect(warnings).toMatchObject([
      { code: 'NON_FINITE_OUTPUTS', detail: expect.stringContaining('of output score are NaN or infinite') },
    ]);
    const npz = await post('image', { inputs: [shaped] }, { accept: 'application/zip' });
    expect(npz.headers.get('espalier-warnings')).toBe('NON_FINITE_OUTPUTS');
    expect([...(await arraysOf(npz)).y!.data].every(Number.isFinite)).toBe(false);
  });

  it('keep one engine, which is replaced when it is lost, and a worker that is lost is answered for by the next', async () => {
    const { engine } = await service.line('Engine for predictions started');
    process.kill(engine as number, 'SIGKILL');
    await service.line('Engine for predictions ended', { engine });
    const inputs = lists(made.dense.inputs.numbers!);
    const { outputs } = await predict('dense', { inputs });
    await service.count('Engine for predictions started', 2);
    const worker = await service.pid('espalier work');
    process.kill(worker, 'SIGKILL');
    await service.pid('espalier work', worker);
    // It may still have to put itself on the list.
    await expect.poll(async () => (await post('dense', { inputs })).status, { timeout: 100_000 }).toBe(200);
    expect((await predict('dense', { inputs })).outputs).toEqual(outputs);
    expect(service.lines.filter(({ msg }) => msg === 'Engine for predictions started')).toHaveLength(3);
  });

  it('go through what a data set did, where it is named', async () => {
    const form = new FormData();
    form.append('file', new Blob([await readFile(new URL('../../examples/seed/data.npz', import.meta.url))]), 'data.npz');
    form.append('standardize', 'feature');
    form.append('scale', '2');
    const model = new FormData();
    model.append('file', new Blob([await readFile(new URL('../../examples/seed/seed.keras', import.meta.url))]), 'seed.keras');
    const upload = async (path: string, body: FormData) => (await fetch(new URL(path, address), { method: 'POST', body })).json();
    const dataset = (await upload('/v1/datasets', form)) as { id: string; x: { mean: number[]; std: number[] } };
    ids.seed = ((await upload('/v1/models', model)) as { id: string }).id;
    const raw = Array.from({ length: 20 }, (_, index) => index / 7 - 1);
    const seen = raw.map((value, index) => (2 * value - dataset.x.mean[index]!) / dataset.x.std[index]!);
    const named = await predict('seed', { inputs: [raw], dataset_id: dataset.id });
    expectClose(flat(named.outputs), flat((await predict('seed', { inputs: [seen] })).outputs), { relative: 1e-5 });
  });
});
