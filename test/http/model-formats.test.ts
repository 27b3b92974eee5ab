import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../src/model/formats/index.ts';
import { readZip } from '../../src/model/formats/zip.ts';
import { foreignFiles } from '../helpers/foreign.ts';
import { startServer, type TestServer } from './harness.ts';
import { form, seedData, seedModel, trainRequest } from './uploads.ts';

describe('models in other formats', () => {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-http-formats-'));
  let server: TestServer;
  let files: Map<string, string>;
  beforeAll(async () => {
    server = await startServer();
    files = new Map((await foreignFiles(folder)).map(({ name, path }) => [name, path]));
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const bytesOf = (name: string): Promise<Buffer> => readFile(files.get(name)!);
  const upload = async (name: string) => server.call('POST', '/v1/models', { body: form(['file', await bytesOf(name), name]) });
  const seed = async (): Promise<string> =>
    (await server.call('POST', '/v1/models', { body: form(['file', await seedModel(), 'seed.keras']) })).body.id;

  async function download(id: string, query = '', headers: Record<string, string> = {}, method = 'GET') {
    const answer = await fetch(new URL(`/v1/models/${id}/content${query}`, server.address), { method, headers });
    return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
  }

  it.each([
    ['keras-2-frozen.h5', 'h5', 'application/x-hdf5', 'keras-2-frozen.h5'],
    ['converter-nested.zip', 'tfjs', 'application/zip', 'converter-nested.tfjs.zip'],
    ['keras-3.0-conv.keras', 'keras', 'application/octet-stream', 'keras-3.0-conv.keras'],
  ])('%s is read as %s and comes back byte for byte under the name of its format', async (name, format, type, filename) => {
    const { status, body } = await upload(name);
    expect(status).toBe(201);
    expect(body).toMatchObject({ format, output_formats: expect.arrayContaining([format]) });
    const { headers, bytes } = await download(body.id);
    expect(bytes).toEqual(await bytesOf(name));
    expect(headers.get('content-type')).toBe(type);
    expect(headers.get('content-disposition')).toBe(`attachment; filename="${filename}"`);
  });

  it('a model of several parts is one zip of them, whatever their order', async () => {
    const { entries } = await readZip(files.get('converter-dense.zip')!, 2 ** 20);
    const parts = [...entries].map(([name, bytes]) => ['file', bytes, name] as [string, Uint8Array, string]);
    expect(parts.length).toBeGreaterThan(1);
    const first = await server.call('POST', '/v1/models', { body: form(...parts) });
    expect(first.status).toBe(201);
    expect(first.body.format).toBe('tfjs');
    const second = await server.call('POST', '/v1/models', { body: form(...[...parts].reverse()) });
    expect(second.body.sha256).toBe(first.body.sha256);
    const { bytes } = await download(first.body.id);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(first.body.sha256);
    writeFileSync(join(folder, 'parts'), bytes);
    expect((await readModel(join(folder, 'parts'))).weights.size).toBe((await readModel(files.get('converter-dense.zip')!)).weights.size);
    expect(await server.incoming()).toEqual([]);
  });

  it('two parts of one name are refused', async () => {
    const refused = await server.call('POST', '/v1/models', {
      body: form(['file', Buffer.from('{}'), 'a'], ['file', Buffer.from('x'), 'b/a']),
    });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', errors: [{ pointer: '#part:file', received: '"a"' }] },
    });
    expect(await server.incoming()).toEqual([]);
  });

  it.each(['h5', 'tfjs', 'safetensors', 'esp'])(
    'a .keras file can be had as %s: the same bytes each time, in ranges, under one tag',
    async (format) => {
      const id = await seed();
      const whole = await download(id, `?format=${format}`);
      expect(whole.status).toBe(200);
      const sha256 = createHash('sha256').update(whole.bytes).digest('hex');
      expect(whole.headers.get('etag')).toBe(`"${sha256}"`);
      expect(whole.headers.get('content-length')).toBe(String(whole.bytes.length));
      const path = join(folder, `converted-${format}`);
      writeFileSync(path, whole.bytes);
      const read = await readModel(path);
      expect(read.source.format).toBe(format);
      writeFileSync(join(folder, 'seed'), await seedModel());
      const original = await readModel(join(folder, 'seed'));
      for (const [key, { data }] of original.weights) expect(read.weights.get(key)!.data, key).toEqual(data);

      const part = await download(id, `?format=${format}`, { range: 'bytes=100-199', 'if-range': `"${sha256}"` });
      expect(part.status).toBe(206);
      expect(part.bytes).toEqual(whole.bytes.subarray(100, 200));
      expect((await download(id, `?format=${format}`, { 'if-none-match': `"${sha256}"` })).status).toBe(304);
      const head = await download(id, `?format=${format}`, {}, 'HEAD');
      expect([head.status, head.headers.get('etag'), head.bytes.length]).toEqual([200, `"${sha256}"`, 0]);
      await expect.poll(() => server.incoming()).toEqual([]);
    },
  );

  it('an .esp file is uploaded as any other, and becomes the .keras file that it was made of', async () => {
    const id = await seed();
    const packed = await download(id, '?format=esp');
    expect(packed.headers.get('content-disposition')).toBe('attachment; filename="seed.esp"');
    const { status, body } = await server.call('POST', '/v1/models', { body: form(['file', packed.bytes, 'seed.esp']) });
    expect(status).toBe(201);
    expect(body).toMatchObject({ format: 'esp', output_formats: expect.arrayContaining(['keras', 'esp']) });
    expect((await download(body.id)).bytes).toEqual(packed.bytes);
    const dataset = await server.call('POST', '/v1/datasets', { body: form(['file', await seedData(), 'data.npz']) });
    const job = await server.call('POST', '/v1/jobs', { body: trainRequest({ modelId: body.id, datasetId: dataset.body.id }, {}) });
    expect(job.body.spec.output).toEqual({ formats: ['esp'] });
    const unpacked = await download(body.id, '?format=keras');
    writeFileSync(join(folder, 'unpacked'), unpacked.bytes);
    writeFileSync(join(folder, 'seed'), await seedModel());
    const [there, back] = [await readModel(join(folder, 'seed')), await readModel(join(folder, 'unpacked'))];
    expect(back.weights).toEqual(there.weights);
    // Where Keras had a policy of types in memory says nothing.
    const withoutAddresses = (graph: unknown) =>
      JSON.parse(JSON.stringify(graph, (key, value) => (key === 'shared_object_id' ? undefined : value)));
    expect(withoutAddresses(back.graph)).toEqual(withoutAddresses(there.graph));
    packed.bytes[packed.bytes.length >> 1]! ^= 1;
    const damaged = await server.call('POST', '/v1/models', { body: form(['file', packed.bytes, 'seed.esp']) });
    expect(damaged).toMatchObject({ status: 422, body: { code: 'MODEL_UNREADABLE' } });
  });

  it.each([
    ['onnx', 'seed.onnx', 'an ONNX model'],
    ['tflite_int8', 'seed.int8.tflite', 'a TensorFlow Lite model'],
  ])('an export is downloaded, and no model by itself: %s', async (format, name, kind) => {
    const made = await download(await seed(), `?format=${format}`);
    expect(made.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`);
    const { status, body } = await server.call('POST', '/v1/models', { body: form(['file', made.bytes, name]) });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'UNSUPPORTED_FORMAT' });
    expect(body.detail).toContain(`${kind}, from which the Keras model cannot be had back`);
  });

  it('the format that a model has is the file as it is', async () => {
    expect((await download(await seed(), '?format=keras')).bytes).toEqual(await seedModel());
  });

  it('a format that cannot hold the model, and one that there is none of, are refused', async () => {
    const { body } = await upload('keras-2-shared.h5');
    expect(body.output_formats).toEqual(['keras', 'h5', 'safetensors', 'esp', 'onnx', 'tflite', 'tflite_float16', 'tflite_int8']);
    const refused = await server.call('GET', `/v1/models/${body.id}/content?format=tfjs`);
    expect(refused).toMatchObject({ status: 422, body: { code: 'UNSUPPORTED_CONVERSION' } });
    expect(refused.body.detail).toMatch(/inner is called more than once/);
    expect(await server.call('GET', `/v1/models/${body.id}/content?format=gguf`)).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED' },
    });
    await expect.poll(() => server.incoming()).toEqual([]);
  });

  it('a job names the formats it leaves: the model’s own, or those that were asked for and can be', async () => {
    const dataset = await server.call('POST', '/v1/datasets', { body: form(['file', await seedData(), 'data.npz']) });
    const inputs = { modelId: await seed(), datasetId: dataset.body.id as string };
    const post = (more: Record<string, unknown>) => server.call('POST', '/v1/jobs', { body: trainRequest(inputs, more) });
    expect((await post({})).body.spec.output).toEqual({ formats: ['keras'] });
    expect((await post({ output: { formats: ['tfjs', 'keras'] } })).body.spec.output).toEqual({ formats: ['tfjs', 'keras'] });
    expect((await post({ output: { formats: ['keras', 'onnx'] } })).body.spec.output).toEqual({ formats: ['keras', 'onnx'] });
    expect(await post({ output: { formats: ['gguf'] } })).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
    expect(await post({ output: { formats: [] } })).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  });
});
