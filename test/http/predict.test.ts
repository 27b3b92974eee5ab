/** What is refused before anything is asked of a worker; Redis is away, so that what is accepted ends in UNAVAILABLE. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/jobs/ids.ts';
import { PREDICTION_LIMITS } from '../../src/jobs/predictions/limits.ts';
import type { ModelFacts } from '../../src/model/facts.ts';
import { writeNpz } from '../../src/report/npz.ts';
import { modelSample } from '../ledger/samples.ts';
import { startServer, type TestServer } from './harness.ts';
import { form, uploadSeed } from './uploads.ts';

const OK = { status: 503, body: { code: 'UNAVAILABLE' } };
const datasetLike = 'dst_01JZ3V9X0N8Q4Y7B2C5D6E8F9G';
const sample = Array.from({ length: 20 }, () => 0.5);

describe('predict', () => {
  let server: TestServer;
  let datasetId: string;
  let path: string;
  beforeAll(async () => {
    server = await startServer();
    const seed = await uploadSeed(server);
    path = `/v1/models/${seed.modelId}/predict`;
    datasetId = seed.datasetId;
  });
  afterAll(() => server.close());

  /** A model with other inputs and outputs, which are all that is looked at here. */
  const modelOf = async (facts: Pick<ModelFacts, 'inputs'> & Partial<ModelFacts>) => {
    const row = modelSample({ id: newId('mdl'), tenant: 'default' });
    await server.ledger.insertModel({ ...row, facts: { ...row.facts, ...facts } });
    return `/v1/models/${row.id}/predict`;
  };
  const npz = async (arrays: Record<string, number[]>) =>
    form(['file', await writeNpz(Object.fromEntries(Object.entries(arrays).map(([name, shape]) => [name, zeros(shape)]))), 'x.npz']);
  const zeros = (shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((product, axis) => product * axis, 1)) });

  it('takes lists, lists by name, and npz with x or the name of the input', async () => {
    expect(await server.call('POST', path, { body: { inputs: [sample, sample] } })).toMatchObject(OK);
    expect(await server.call('POST', path, { body: { inputs: { features: [sample] } } })).toMatchObject(OK);
    expect(await server.call('POST', path, { body: await npz({ x: [3, 20] }) })).toMatchObject(OK);
    expect(await server.call('POST', path, { body: await npz({ features: [3, 20] }) })).toMatchObject(OK);
    expect(await server.call('POST', path, { body: { inputs: [sample.map((value) => [value])] } })).toMatchObject(OK);
    expect(await server.call('POST', path, { body: { inputs: [sample], dataset_id: datasetId } })).toMatchObject(OK);
    const answer = await server.call('POST', path, { body: { inputs: [sample] } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await server.incoming()).toEqual([]);
  });

  it.each([
    ['no inputs', {}, 'VALIDATION_FAILED', '/inputs', 'missing'],
    ['a misspelt field', { inputs: [sample], datset_id: datasetLike }, 'VALIDATION_FAILED', '/datset_id', "Did you mean 'dataset_id'?"],
    ['a single number', { inputs: 1 }, 'VALIDATION_FAILED', '/inputs', 'nested lists'],
    ['null', { inputs: null }, 'VALIDATION_FAILED', '/inputs', 'nested lists'],
    ['no samples', { inputs: [] }, 'VALIDATION_FAILED', '/inputs', 'empty list'],
    ['a sample without its list', { inputs: sample }, 'MODEL_DATASET_MISMATCH', '/inputs', 'A single sample is a list of one'],
    ['samples of another shape', { inputs: [[1, 2]] }, 'MODEL_DATASET_MISMATCH', '/inputs', 'takes [samples, 20]; received [1, 2]'],
    ['uneven lists', { inputs: [sample, [1]] }, 'VALIDATION_FAILED', '/inputs/1', 'has 1 entries'],
    ['text among numbers', { inputs: [sample.with(3, 'x' as never)] }, 'VALIDATION_FAILED', '/inputs/0/3', 'A number belongs here'],
    ['null among numbers', { inputs: [sample.with(3, null as never)] }, 'VALIDATION_FAILED', '/inputs/0/3', 'A number belongs here'],
    ['a list among numbers', { inputs: [sample.with(3, [1] as never)] }, 'VALIDATION_FAILED', '/inputs/0/3', 'A number belongs here'],
    ['numbers beyond float32', { inputs: [sample.with(0, 1e39)] }, 'VALIDATION_FAILED', '/inputs/0/0', 'beyond float32'],
    ['an unknown input', { inputs: { x: [sample] } }, 'MODEL_DATASET_MISMATCH', '/inputs/x', "no input 'x'. It has: features"],
    ['no input by name', { inputs: {} }, 'MODEL_DATASET_MISMATCH', '/inputs/features', 'is missing'],
    ['a data set that is none', { inputs: [sample], dataset_id: datasetLike }, 'VALIDATION_FAILED', '/dataset_id', 'no data set'],
    ['too many samples', { inputs: Array.from({ length: 5_000 }, () => sample) }, 'VALIDATION_FAILED', '/inputs', 'max_samples'],
  ])('refuses %s', async (_what, body, code, pointer, detail) => {
    const answer = await server.call('POST', path, { body });
    expect(answer).toMatchObject({ status: 422, body: { code, errors: [{ pointer }] } });
    expect(answer.body.detail).toContain(detail);
  });

  it('refuses lists that are nested without end, and bodies beyond the limit', async () => {
    const deep = `{"inputs": ${'['.repeat(100_000)}1${']'.repeat(100_000)}}`;
    expect(await server.call('POST', path, { body: deep })).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
    const long = `{"inputs": [[${'1,'.repeat(PREDICTION_LIMITS.max_json_bytes / 2)}1]]}`;
    const refused = await server.call('POST', path, { body: long });
    expect(refused).toMatchObject({ status: 413, body: { code: 'PAYLOAD_TOO_LARGE' } });
    expect(refused.body.detail).toContain(`${PREDICTION_LIMITS.max_json_bytes}`);
  });

  it('refuses files that are no npz, have other arrays, or hold too much', async () => {
    const refused = async (body: FormData) => (await server.call('POST', path, { body })).body.code;
    expect(await refused(form(['file', Buffer.from('no npz'), 'x.npz']))).toBe('DATASET_UNREADABLE');
    expect(await refused(await npz({ y: [1, 20] }))).toBe('MODEL_DATASET_MISMATCH');
    expect(await refused(await npz({ x: [1, 20], y: [1, 20] }))).toBe('MODEL_DATASET_MISMATCH');
    expect(await refused(await npz({ x: [0, 20] }))).toBe('MODEL_DATASET_MISMATCH');
    expect(await refused(form(['dataset_id', datasetId]))).toBe('VALIDATION_FAILED');
    // Zeros: small as a file, beyond the limit as numbers.
    expect(await refused(await npz({ x: [Math.floor(PREDICTION_LIMITS.max_input_bytes / 80) + 1, 20] }))).toBe('PAYLOAD_TOO_LARGE');
    expect(await server.incoming()).toEqual([]);
  });

  it('refuses answers beyond the limits before they are computed', async () => {
    const wide = await modelOf({
      inputs: [{ name: 'x', shape: [null, 1] }],
      outputs: [{ name: 'y', shape: [null, 1_000], activation: null }],
    });
    const inputs = (count: number) => ({ inputs: Array.from({ length: count }, () => [0]) });
    expect(await server.call('POST', wide, { body: inputs(262) })).toMatchObject(OK);
    const json = await server.call('POST', wide, { body: inputs(263) });
    expect(json).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED', detail: expect.stringContaining('max_json_numbers') } });
    const accept = { accept: 'application/zip' };
    expect(await server.call('POST', wide, { body: inputs(263), headers: accept })).toMatchObject(OK);
    const most = Math.floor(PREDICTION_LIMITS.max_output_bytes / 8_000);
    const wider = await modelOf({
      inputs: [{ name: 'x', shape: [null, 1] }],
      outputs: [{ name: 'y', shape: [null, 2_000], activation: null }],
    });
    expect(await server.call('POST', wider, { body: inputs(most), headers: accept })).toMatchObject(OK);
    const npzRefused = await server.call('POST', wider, { body: inputs(most + 1), headers: accept });
    expect(npzRefused).toMatchObject({ status: 422, body: { detail: expect.stringContaining('max_output_bytes') } });
  });

  it('wants several inputs by name, of as many samples each', async () => {
    const several = await modelOf({
      inputs: [
        { name: 'a', shape: [null, 2] },
        { name: 'b', shape: [null, null] },
      ],
    });
    expect(await server.call('POST', several, { body: { inputs: { b: [[1, 2, 3]], a: [[1, 2]] } } })).toMatchObject(OK);
    expect(await server.call('POST', several, { body: { inputs: [[1, 2]] } })).toMatchObject({
      status: 422,
      body: { code: 'MODEL_DATASET_MISMATCH', detail: expect.stringContaining('It has: a, b') },
    });
    const uneven = await server.call('POST', several, { body: { inputs: { a: [[1, 2]], b: [[1], [2]] } } });
    expect(uneven).toMatchObject({ status: 422, body: { errors: [{ pointer: '/inputs/b' }] } });
    const named = await server.call('POST', several, { body: { inputs: { a: [[1, 2]], b: [[1]] }, dataset_id: datasetId } });
    expect(named).toMatchObject({ status: 422, body: { code: 'MODEL_DATASET_MISMATCH', errors: [{ pointer: '/dataset_id' }] } });
  });

  it('takes JSON and forms, and nothing else', async () => {
    const answer = await server.call('POST', path, { body: 'x', headers: { 'content-type': 'text/plain' } });
    expect(answer).toMatchObject({ status: 415, body: { detail: expect.stringContaining('application/json or multipart/form-data') } });
  });

  it('knows no model of another tenant', async () => {
    const row = modelSample({ id: newId('mdl'), tenant: 'other' });
    await server.ledger.insertModel(row);
    expect((await server.call('POST', `/v1/models/${row.id}/predict`, { body: { inputs: [[1]] } })).status).toBe(404);
  });
});
