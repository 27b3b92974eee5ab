import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ModelDocument, withWeights } from '../../src/model/document.ts';
import { writeEsp } from '../../src/model/formats/esp/index.ts';
import { channelMap } from '../../src/pruning/groups.ts';
import { removeUnits } from '../../src/pruning/surgery.ts';
import type { LatencyComparison } from '../../src/report/latency.ts';
import { makeReceipt, type ReceiptParts } from '../../src/report/receipt.ts';
import type { SampleScores } from '../../src/report/scores.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, randomFill, sequential } from '../helpers/documents.ts';

const original = documentOf(
  sequential([6, 6, 1], [conv2d('c', 8, 3), batchNormalization('n'), flatten('f'), dense('d', 16), dense('out', 3)]),
  randomFill(3),
);
const withoutUnits = (count: number): ModelDocument => {
  const map = channelMap(original.graph);
  const removed = new Uint8Array(map.unitCount);
  for (const unit of map.groups[0]!.units.subarray(0, count)) removed[unit] = 1;
  return removeUnits(original, map, removed);
};
const zeroed: ModelDocument = withWeights(
  original,
  new Map(
    [...original.weights].map(([key, weight]) => [
      key,
      key === 'd/kernel' ? { ...weight, data: weight.data.map((value, index) => (index % 2 === 0 ? 0 : value)) } : weight,
    ]),
  ),
);
const noisier: ModelDocument = withWeights(
  original,
  new Map([...original.weights].map(([key, weight]) => [key, key === 'd/bias' ? { ...weight, data: weight.data.map(() => 0) } : weight])),
);

const timed = (low: number, high: number): LatencyComparison => ({
  batch_size: 1,
  pairs: 30,
  original: { median_ms: 1, p95_ms: 1 },
  result: { median_ms: 1, p95_ms: 1 },
  ratio: { value: (low + high) / 2, low, high },
});
const hits = (values: number[], decisions = 1): SampleScores => ({
  kind: 'classification',
  losses: Float64Array.from(values, (hit) => 1 - hit),
  right: Float64Array.from(values),
  decisions,
  metrics: {},
});
const errors = (values: number[]): SampleScores => ({
  kind: 'regression',
  losses: Float64Array.from(values),
  right: new Float64Array(values.length),
  decisions: 0,
  metrics: {},
});

async function receiptOf(parts: Partial<ReceiptParts>) {
  const defaults: ReceiptParts = {
    original,
    result: original,
    uploadedBytes: 12_345,
    formats: ['keras'],
    smallest: true,
    scores: null,
    testGiven: true,
    latency: [],
    seed: 0,
    maxAccuracyDrop: 0.005,
  };
  const { receipt, files } = await makeReceipt({ ...defaults, ...parts });
  return { receipt, file: Buffer.from(files[0]!.bytes) };
}
const claimsOf = async (parts: Partial<ReceiptParts>) => (await receiptOf(parts)).receipt.claims;

describe('the costs in a receipt', () => {
  it('are those of both documents, and of the very file that is handed out', async () => {
    const { receipt, file } = await receiptOf({ result: zeroed });
    // conv 3·3·1·8 on 4·4 places, dense 128·16, out 16·3.
    expect(receipt.original).toMatchObject({
      macs: 1152 + 2048 + 48,
      parameters: 80 + 32 + 2064 + 51,
      zeros: 0,
      sparsity: 0,
      uploaded_bytes: 12_345,
    });
    expect(receipt.result).toMatchObject({ macs: 3248, parameters: 2227, zeros: 1024, sparsity: 1024 / (72 + 2048 + 48) });
    expect(receipt.result.file_bytes).toBe(file.length);
    expect(receipt.result.gzip_bytes).toBe(gzipSync(file, { level: 9 }).length);
    expect(gunzipSync(gzipSync(file)).equals(file)).toBe(true);
    expect(receipt.result.file_bytes).toBeLessThan(receipt.original.file_bytes);
    expect([receipt.original.raw_bytes, receipt.result.raw_bytes]).toEqual([4 * 2227, 4 * 2227]);
    expect(receipt.result.esp_bytes).toBe(writeEsp(zeroed).length);
    expect(receipt.result.esp_bytes).toBeLessThan(receipt.result.file_bytes);
    expect((await receiptOf({ smallest: false })).receipt.result.esp_bytes).toBeNull();
  });

  it('are without the optimizer’s state, which the file that is handed out keeps', async () => {
    const state = {
      path: 'optimizer/vars/1',
      shape: [4096],
      dtype: '<f',
      data: Float32Array.from({ length: 4096 }, (_, at) => Math.sin(at)),
    };
    const compile_config = {
      optimizer: { module: 'keras.optimizers', class_name: 'Adam', config: { name: 'adam' }, registered_name: null },
    };
    const compiled = { ...zeroed, config: { ...zeroed.config, compile_config } };
    const [bare, carrying] = [await receiptOf({ result: compiled }), await receiptOf({ result: { ...compiled, optimizer: [state] } })];
    expect(carrying.file.length).toBeGreaterThan(bare.file.length + 8192);
    expect(carrying.receipt.result).toEqual({
      ...bare.receipt.result,
      exported_bytes: carrying.file.length,
      files: [{ format: 'keras', bytes: carrying.file.length }],
    });
    expect(carrying.receipt.claims.smaller).toEqual(bare.receipt.claims.smaller);
    const uploaded: ModelDocument = { ...original, config: { ...original.config, compile_config } };
    const bytesOf = async (document: ModelDocument) => (await receiptOf({ original: document })).receipt.original.file_bytes;
    expect(await bytesOf({ ...uploaded, optimizer: [state] })).toBe(await bytesOf(uploaded));
  });

  it('are listed layer by layer, for layers that have any', async () => {
    const { receipt } = await receiptOf({ result: withoutUnits(3) });
    expect(
      receipt.layers.map(({ name, original: before, result }) => [name, before.units, result.units, before.macs, result.macs]),
    ).toEqual([
      ['c', 8, 5, 1152, 720],
      ['n', null, null, 0, 0],
      ['d', 16, 16, 2048, 1280],
      ['out', 3, 3, 48, 48],
    ]);
    expect(receipt.layers[1]!.result.parameters).toBe(20);
  });

  it('count zeros of both signs, in kernels only', async () => {
    const signed = withWeights(
      original,
      new Map([...original.weights].map(([key, weight]) => [key, { ...weight, data: weight.data.map((_, at) => (at < 2 ? -0 : 1)) }])),
    );
    expect((await receiptOf({ result: signed })).receipt.result.zeros).toBe(6);
  });
});

describe('the quality in a receipt', () => {
  it('shows every metric of the original beside that of the result', async () => {
    const f1 = (value: number): SampleScores => ({ ...hits([1, 0]), metrics: { f1: { value, low: null, high: null }, auc: null } });
    const { receipt } = await receiptOf({ scores: { original: f1(0.8), result: f1(0.7) } });
    expect([receipt.original.test, receipt.result.test]).toMatchObject([
      { f1: { value: 0.8 }, auc: null, accuracy: { value: 0.5 } },
      { f1: { value: 0.7 }, auc: null, accuracy: { value: 0.5 } },
    ]);
  });
});

describe('the claim that the result is smaller', () => {
  it('is proven by fewer parameters', async () => {
    expect((await claimsOf({ result: withoutUnits(3) })).smaller).toMatchObject({ verdict: 'proven', reason: 'FEWER_PARAMETERS' });
  });
  it('is proven by a file that compresses better, and says that memory is not smaller', async () => {
    const { smaller } = await claimsOf({ result: zeroed });
    expect(smaller).toMatchObject({ verdict: 'proven', reason: 'COMPRESSES_BETTER' });
    expect(smaller.detail).toMatch(/only the file is smaller/i);
  });
  it('is not proven by a file of the same size', async () => {
    expect((await claimsOf({})).smaller).toMatchObject({ verdict: 'not_proven', reason: 'FILE_NOT_SMALLER' });
  });
  it('is refuted by a larger file', async () => {
    expect((await claimsOf({ original: noisier, result: original })).smaller).toMatchObject({
      verdict: 'refuted',
      reason: 'FILE_NOT_SMALLER',
    });
  });
});

describe('the claim that the result is faster', () => {
  const faster = async (parts: Partial<ReceiptParts>) => {
    const { verdict, reason } = (await claimsOf(parts)).faster;
    return [verdict, reason];
  };
  const cut = withoutUnits(3);
  it('is not proven without a measurement', async () => expect(await faster({ result: cut })).toEqual(['not_proven', 'NOT_MEASURED']));
  it('is proven where every batch size is faster beyond doubt', async () =>
    expect(await faster({ result: cut, latency: [timed(0.5, 0.6), timed(0.9, 0.99)] })).toEqual(['proven', 'MEASURED']));
  it('is not proven where one batch size is within noise', async () =>
    expect(await faster({ result: cut, latency: [timed(0.5, 0.6), timed(0.9, 1)] })).toEqual(['not_proven', 'WITHIN_NOISE']));
  it('is refuted where one batch size is slower beyond doubt, whatever the shapes', async () => {
    expect(await faster({ result: cut, latency: [timed(0.5, 0.6), timed(1.05, 1.2)] })).toEqual(['refuted', 'SLOWER']);
    expect(await faster({ latency: [timed(1.05, 1.2)] })).toEqual(['refuted', 'SLOWER']);
  });
  it('is not refuted by what equal models differ by', async () =>
    expect(await faster({ result: cut, latency: [timed(1.01, 1.03)] })).toEqual(['not_proven', 'WITHIN_NOISE']));
  it('is never proven for zeros alone, which no runtime skips, however the times fell', async () =>
    expect(await faster({ result: zeroed, latency: [timed(0.5, 0.6)] })).toEqual(['not_proven', 'ONLY_ZEROS']));
  it('is never proven for the same shapes', async () =>
    expect(await faster({ latency: [timed(0.5, 0.6)] })).toEqual(['not_proven', 'SAME_SHAPES']));
});

describe('the claim that the result is as accurate', () => {
  const accurate = async (before: SampleScores, after: SampleScores, parts: Partial<ReceiptParts> = {}) => {
    const { verdict, reason } = (await claimsOf({ scores: { original: before, result: after }, ...parts })).as_accurate;
    return [verdict, reason];
  };
  const right = (count: number, n: number) => hits(Array.from({ length: n }, (_, index) => (index < count ? 1 : 0)));

  it('is not proven without a test split', async () =>
    expect((await claimsOf({})).as_accurate).toMatchObject({ verdict: 'not_proven', reason: 'NO_TEST_SPLIT' }));
  it('is proven where the interval’s lower end lost no more than is allowed', async () => {
    expect(await accurate(right(900, 1000), right(900, 1000))).toEqual(['proven', 'MEASURED']);
    // 3 of 1,000 lost: the interval reaches from about -0.007 to 0.
    expect(await accurate(right(900, 1000), right(897, 1000), { maxAccuracyDrop: 0.01 })).toEqual(['proven', 'MEASURED']);
  });
  it('is not proven where the interval reaches beyond', async () =>
    expect(await accurate(right(900, 1000), right(897, 1000))).toEqual(['not_proven', 'WITHIN_NOISE']));
  it('is refuted where all of the interval is beyond', async () =>
    expect(await accurate(right(900, 1000), right(800, 1000))).toEqual(['refuted', 'WORSE']));
  it('is not proven on samples the service drew, which the model may have seen; but can be refuted', async () => {
    expect(await accurate(right(900, 1000), right(900, 1000), { testGiven: false })).toEqual(['not_proven', 'TEST_MAY_HAVE_BEEN_SEEN']);
    expect(await accurate(right(900, 1000), right(800, 1000), { testGiven: false })).toEqual(['refuted', 'WORSE']);
  });
  it('is, of a regression, proven where the loss fell and refuted where it rose', async () => {
    expect(await accurate(errors([2, 3, 4]), errors([1, 2, 3]))).toEqual(['proven', 'MEASURED']);
    expect(await accurate(errors([2, 3, 4]), errors([2, 3, 4]))).toEqual(['proven', 'MEASURED']);
    expect(await accurate(errors([1, 2, 3]), errors([2, 3, 4]))).toEqual(['refuted', 'WORSE']);
    expect(await accurate(errors([1, 2, 3, 4]), errors([2, 1, 4, 3]))).toEqual(['not_proven', 'WITHIN_NOISE']);
  });
  it('is refuted where positions are lost, though no sample is right at all of them before or after', async () => {
    const image = (fraction: number, at: number) => fraction + ((at % 5) - 2) / 100;
    const of = (fraction: number) =>
      hits(
        Array.from({ length: 50 }, (_, at) => image(fraction, at)),
        64 * 64,
      );
    expect(await accurate(of(0.97), of(0.5))).toEqual(['refuted', 'WORSE']);
    expect(await accurate(of(0.97), of(0.97))).toEqual(['proven', 'MEASURED']);
    const { receipt } = await receiptOf({ scores: { original: of(0.97), result: of(0.5) } });
    expect(receipt.original.test!.accuracy!.value).toBeCloseTo(0.97, 12);
    expect(receipt.result.test!.accuracy!.value).toBeCloseTo(0.5, 12);
    expect(receipt.claims.as_accurate.detail).toMatch(/moved by -47\.00 points/);
  });
  it.each([1, 4096])('is not proven of a model that is never right, with %i decisions a sample', async (decisions) => {
    const none = hits(Array<number>(100).fill(0), decisions);
    expect(await accurate(none, none)).toEqual(['not_proven', 'ORIGINAL_NEVER_RIGHT']);
    expect(await accurate(none, none, { testGiven: false })).toEqual(['not_proven', 'ORIGINAL_NEVER_RIGHT']);
    const { as_accurate } = await claimsOf({ scores: { original: none, result: none } });
    expect(as_accurate.detail).toMatch(/gets no decision on the test split right: it has no accuracy that could be lost\.$/);
  });
  it('says in numbers what it rests on', async () => {
    const { as_accurate } = await claimsOf({ scores: { original: right(900, 1000), result: right(800, 1000) } });
    expect(as_accurate.detail).toMatch(/moved by -10\.00 points .* -0\.50 points is allowed/);
  });
});
