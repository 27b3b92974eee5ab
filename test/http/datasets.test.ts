import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ZipFile } from 'yazl';
import { startServer, type TestServer } from './harness.ts';
import { form, seedData, trainRequest, uploadSeed } from './uploads.ts';

// Each upload is read by a process of its own, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** Bytes in MNIST's format: a magic number, the sizes of the axes, the values. */
function idx(shape: number[], value: (index: number) => number): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  const count = shape.reduce((product, size) => product * size, 1);
  return Buffer.concat([header, Buffer.from(Array.from({ length: count }, (_, index) => value(index)))]);
}

const images = (samples: number) => idx([samples, 4, 4], (index) => index % 256);
const labels = (samples: number) => idx([samples], (index) => index % 3);

describe('data sets', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  const upload = (...parts: Parameters<typeof form>) => server.call('POST', '/v1/datasets', { body: form(...parts) });

  it('come as npz in one file', async () => {
    const { status, headers, body } = await upload(['file', await seedData(), 'data.npz'], ['name', 'seed']);
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/datasets/${body.id}`);
    expect(body).toMatchObject({ object: 'dataset', name: 'seed', format: 'npz', samples: 1000, x: { shape: [20] } });
    expect(body.sha256.file).toMatch(/^[0-9a-f]{64}$/);
    expect((await server.call('GET', body.links.self)).body).toEqual(body);
    expect((await server.call('GET', '/v1/datasets')).body.data[0]).toEqual(body);
    expect(await server.incoming()).toEqual([]);
  });

  it('are kept as they came where they are stored so', async () => {
    const x = images(300);
    const { status, body } = await upload(['x', x, 'images'], ['y', labels(300), 'labels']);
    expect(status).toBe(201);
    const row = await server.ledger.findDataset('default', body.id);
    expect(row).toMatchObject({ x_start: 16, blob_sha256: { x: body.sha256.x } });
    expect((await buffer(await server.blobs.read(row?.blob_keys.x as string))).equals(x)).toBe(true);
    expect(await server.incoming()).toEqual([]);
  });

  it('come as IDX parts, gzipped or not, with test samples of their own', async () => {
    const { status, body } = await upload(
      ['x', gzipSync(images(20)), 'train-images.gz'],
      ['y', labels(20), 'train-labels'],
      ['x_test', images(6), 'test-images'],
      ['y_test', gzipSync(labels(6)), 'test-labels.gz'],
      ['split', '{"selection": 0.25, "seed": 1}'],
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({ format: 'idx', samples: 26, test_given: true, splits: { train: 15, selection: 5, test: 6 } });
    expect(Object.keys(body.sha256).sort()).toEqual(['x', 'x_test', 'y', 'y_test']);
    expect(body.y).toMatchObject({ classes: 3 });
  });

  it('come as CSV with columns of weights, splits and categories', async () => {
    const rows = Array.from(
      { length: 12 },
      (_, i) => `${['s', 'm', 'l'][i % 3]},${i},${i % 2},${['train', 'train', 'val', 'test'][i % 4]},${i + 1}`,
    );
    const { status, body } = await upload(
      ['file', Buffer.from(`size,a,y,part,w\n${rows.join('\n')}\n`), 'sizes.csv'],
      ['label_column', 'y'],
      ['weight_column', 'w'],
      ['split_column', 'part'],
      ['categorical_columns', '["size"]'],
      ['standardize', 'feature'],
      ['missing', 'mean'],
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({
      x: { columns: ['size=l', 'size=m', 'size=s', 'a'], standardize: 'feature' },
      splits: { train: 6, selection: 3, test: 3 },
      // Samples 0, 1, 4, 5, 8 and 9 are for training.
      weights: { min: 1, max: 10, mean: 5.5 },
      test_given: true,
    });
    expect(body.x.mean[3]).toBeCloseTo(4.5, 12);
  });

  it('come as a zip file of images', async () => {
    const zip = new ZipFile();
    for (let index = 0; index < 6; index += 1) {
      const png = new PNG({ width: 3, height: 2 });
      png.data.fill(40 * index);
      zip.addBuffer(PNG.sync.write(png), `${index % 2 === 0 ? 'even' : 'odd'}/${index}.png`);
    }
    zip.end();
    const bytes = await buffer(zip.outputStream);
    const { status, body } = await upload(['file', bytes, 'numbers.zip'], ['resize', '[4, 5]'], ['color', 'grayscale']);
    expect(status).toBe(201);
    expect(body).toMatchObject({ format: 'images', x: { shape: [4, 5, 1] }, y: { class_names: ['even', 'odd'] }, samples: 6 });
    const wrong = await upload(['file', bytes, 'numbers.zip'], ['resize', '4 x 5']);
    expect(wrong.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ pointer: '#part:resize', received: '"4 x 5"' }] });
  });

  it('come as CSV with the column that holds the labels', async () => {
    const csv = Buffer.from(`a,b,species\n${Array.from({ length: 30 }, (_, i) => `${i},${i * 2},${['cat', 'dog'][i % 2]}`).join('\n')}\n`);
    const { status, body } = await upload(['file', csv, 'pets.csv'], ['label_column', 'species'], ['scale', 'none']);
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'pets', format: 'csv', x: { columns: ['a', 'b'], scale: 1 }, y: { classes: 2 } });
  });

  it('take a scale as a word or a number', async () => {
    expect((await upload(['x', images(20), 'x'], ['scale', 'unit'])).body.x.scale).toBe(1 / 255);
    expect((await upload(['x', images(20), 'x'], ['scale', '0.5'])).body.x.scale).toBe(0.5);
    expect(await upload(['x', images(20), 'x'], ['scale', 'units'])).toMatchObject({ status: 422 });
    expect(await upload(['x', images(20), 'x'], ['scale', ''])).toMatchObject({ status: 422 });
  });

  it.each([
    ['a split that is not JSON', '{"selection": 0.1', 'VALIDATION_FAILED'],
    ['a split with a field that is not known', '{"selektion": 0.1}', 'DATASET_INVALID'],
    ['a split that names its prototype', '{"__proto__": {"selection": 0.1}}', 'DATASET_INVALID'],
  ])('are refused with %s', async (_what, split, code) => {
    const { status, body } = await upload(['x', images(20), 'x'], ['split', split]);
    expect({ status, code: body.code, pointer: body.errors[0].pointer }).toEqual({ status: 422, code, pointer: '#part:split' });
    expect(await server.incoming()).toEqual([]);
  });

  it('are refused when their parts do not belong together', async () => {
    expect(await upload(['y', labels(20), 'y'])).toMatchObject({ status: 422, body: { code: 'DATASET_INVALID' } });
    expect(await upload()).toMatchObject({ status: 422, body: { code: 'DATASET_INVALID' } });
  });

  it('are refused when damaged', async () => {
    expect(await upload(['x', images(20).subarray(0, 100), 'x'])).toMatchObject({ status: 422, body: { code: 'DATASET_UNREADABLE' } });
  });

  it('are gone once deleted, for all but the jobs that were there before', async () => {
    const inputs = await uploadSeed(server);
    const job = await server.call('POST', '/v1/jobs', { body: trainRequest(inputs) });
    const path = `/v1/datasets/${inputs.datasetId}`;
    expect((await server.call('DELETE', path)).status).toBe(204);
    expect((await server.call('GET', path)).status).toBe(410);
    expect((await server.call('GET', `/v1/jobs/${job.body.id}`)).body.status).toBe('queued');
    for (const part of ['x', 'y', 'order']) expect(await server.blobs.size(`datasets/${inputs.datasetId}/${part}`)).not.toBeNull();
  });
});
