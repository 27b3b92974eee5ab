/** `.esp` files: whatever the weights, they come back bit for bit; whatever the bytes, a Problem says what is wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { withWeights } from '../../src/model/document.ts';
import { BitDecoder, BitEncoder, codeBits, codeCount } from '../../src/model/formats/esp/bits.ts';
import { decodeTensors, encodeContainer, openContainer } from '../../src/model/formats/esp/container.ts';
import { readEsp, writeEsp } from '../../src/model/formats/esp/index.ts';
import { MatrixCoder } from '../../src/model/formats/esp/matrix.ts';
import { squash } from '../../src/model/formats/esp/mixing.ts';
import { fromTemplates, inTemplates } from '../../src/model/formats/esp/templates.ts';
import { HeadCoder } from '../../src/model/formats/esp/tensor.ts';
import { generator } from '../../src/random.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, randomFill, sequential } from '../helpers/documents.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const folder = mkdtempSync(join(tmpdir(), 'espalier-esp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const NONE = { place: 0, row: 0 };
const numbers = generator(1, 'esp');
const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

function tensor(shape: number[], value: (index: number) => number, periods = NONE) {
  return { shape, data: Float32Array.from({ length: size(shape) }, (_, index) => value(index)), narrow: null, periods };
}

/** The bytes of the tensors, once they have come back. */
function coded(...tensors: ReturnType<typeof tensor>[]): number {
  const file = encodeContainer({ text: '{}', tensors });
  const back = decodeTensors(openContainer(file).code);
  expect(back.map(({ shape }) => shape)).toEqual(tensors.map(({ shape }) => shape));
  for (const [index, { data }] of tensors.entries()) expectSameBits(back[index]!.data, data);
  return file.length;
}

describe('an arithmetic code', () => {
  it('gives back every bit, even number and count, whatever came before', () => {
    const item = fc.oneof(
      fc.record({ kind: fc.constant('bit'), p: fc.integer({ min: 1, max: 65535 }), value: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ kind: fc.constant('even'), p: fc.integer({ min: 0, max: 32 }), value: fc.nat(2 ** 31 - 1) }),
      fc.record({ kind: fc.constant('count'), p: fc.constant(0), value: fc.nat(2 ** 28) }),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 200 }), (items) => {
        const wanted = items.map(({ kind, p, value }) => (kind === 'even' ? value % 2 ** p : value));
        const code = (coder: BitEncoder | BitDecoder, values: readonly number[]): number[] =>
          items.map(({ kind, p }, index) =>
            kind === 'bit'
              ? coder.code(p, values[index]!)
              : kind === 'even'
                ? codeBits(coder, p, values[index]!)
                : codeCount(coder, values[index]!, 2 ** 28),
          );
        const encoder = new BitEncoder();
        code(encoder, wanted);
        const decoder = new BitDecoder(encoder.finish());
        expect(
          code(
            decoder,
            wanted.map(() => 0),
          ),
        ).toEqual(wanted);
      }),
    );
  });

  it('takes what the probabilities say', () => {
    const encoder = new BitEncoder();
    for (let bit = 0; bit < 100_000; bit++) encoder.code(650, numbers.uniform() < 650 / 65536 ? 1 : 0);
    // H(0.00992) = 0.0803 bits.
    expect(encoder.finish().length * 8).toBeLessThan(8_800);
  });

  it('has a squash that is the logistic function to a few units', () => {
    for (let logit = -2815; logit <= 2815; logit += 5) {
      const exact = 65536 / (1 + Math.exp(-logit / 256));
      expect(Math.abs(squash(logit) - exact)).toBeLessThan(2 + 0.04 * Math.min(exact, 65536 - exact));
    }
  });
});

describe('tensors', () => {
  it('of any numbers and any shape come back', () => {
    const value = fc.oneof(fc.constantFrom(0, -0, 1e-45, -3.4e38, 0.5), fc.float({ noNaN: true, noDefaultInfinity: true }));
    const shape = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });
    fc.assert(
      fc.property(shape, fc.infiniteStream(value), fc.boolean(), fc.nat(3), fc.nat(3), (lengths, stream, few, place, row) => {
        const values = [...stream.take(few ? 3 : size(lengths))];
        coded(
          tensor(lengths, (index) => values[few ? index % values.length : index]!, {
            place: Math.min(place, lengths[0] ?? 0),
            row: Math.min(row, lengths[0] ?? 0),
          }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('of zeros, multiples and lists take what they carry', () => {
    const sparse = (value: () => number) => tensor([200, 100], () => (numbers.uniform() < 0.95 ? 0 : value()));
    // 20,000 places with 1,000 numbers: 0.286 bits a place are 716 bytes.
    expect(coded(sparse(() => numbers.normal()))).toBeLessThan(750 + 1000 * (27 / 8));
    const step = Math.fround(0.037);
    expect(coded(sparse(() => step * (1 + numbers.int(2)) * (numbers.int(2) * 2 - 1)))).toBeLessThan(800 + 1000 * (2 / 8));
    const list = Float32Array.of(-1.3, -0.2, 0.7, 0.9);
    expect(coded(sparse(() => list[numbers.int(4)]!))).toBeLessThan(830 + 1000 * (2 / 8));
    // A step for each unit: 15 values are 3.91 bits, and a step has at most 1 + 8 + 7.
    const steps = Float32Array.from({ length: 100 }, (_, unit) => (128 + unit) * 2 ** -(10 + (unit % 5)));
    expect(coded(tensor([200, 100], (index) => (numbers.int(15) - 7) * steps[index % 100]!))).toBeLessThan(20_000 * (4.1 / 8) + 100 * 2);
    // These are all multiples of 1/64 as well, up to 217 of them.
    expect(coded(tensor([200, 100], (index) => ((numbers.int(15) - 7) * (16 + ((index % 100) % 16))) / 64))).toBeLessThan(
      20_000 * (4.1 / 8) + 100 * 2,
    );
    // 62 values, all of them multiples of 1/64, up to 470 of them: 24,485 bytes as such.
    expect(coded(tensor([200, 100], () => ((numbers.int(62) - 31) * 15 - 5) / 64))).toBeLessThan(17_500);
    // Whole rows and columns that are gone cost next to nothing.
    expect(coded(tensor([400, 400], (index) => (index % 400 < 4 && index < 1600 ? step * (1 + (index % 3)) : 0)))).toBeLessThan(60);
    expect(coded(tensor([1000, 1000], () => 0))).toBeLessThan(30);
  });

  it('of half precision leave the digits out that they do not have', () => {
    const halves = tensor([100, 100], () => Math.f16round(numbers.normal()));
    expect(coded(halves)).toBeLessThan(10_000 * (15 / 8));
  });
});

describe('texts in the words of templates', () => {
  const back = (value: Record<string, unknown>) => fromTemplates(JSON.parse(JSON.stringify(inTemplates(value))));
  const dtype = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null };
  const pooled = (name: string, config: Record<string, unknown> = {}) => ({
    module: 'keras.layers',
    class_name: 'GlobalMaxPooling2D',
    config: { name, trainable: true, dtype, data_format: 'channels_last', keepdims: false, ...config },
    registered_name: null,
  });

  it('say in what an object differs from its class, and no more', () => {
    expect(inTemplates(pooled('global_max_pooling2d'))).toEqual({ '': 'GlobalMaxPooling2D' });
    expect(
      inTemplates({ of: [pooled('global_max_pooling2d'), pooled('mine'), pooled('global_max_pooling2d_2', { keepdims: true })] }),
    ).toEqual({
      of: [{ '': 'GlobalMaxPooling2D' }, { '': 'GlobalMaxPooling2D', name: 'mine' }, { '': 'GlobalMaxPooling2D', keepdims: true }],
    });
    expect(inTemplates({ ...pooled('x'), name: 'x', inbound_nodes: [] })).toEqual({
      '': 'GlobalMaxPooling2D',
      '^inbound_nodes': [],
      name: 'x',
    });
  });

  it('come back, whatever they are', () => {
    const { keepdims: _, ...without } = pooled('x').config;
    const odd = [
      { ...pooled('x'), config: without },
      { ...pooled('x'), registered_name: 'Mine', extra: { a: 1 } },
      { ...pooled('x'), name: 'another', inbound_nodes: [] },
      { ...pooled('x'), inbound_nodes: [] },
      { class_name: 'GlobalMaxPooling2D', config: {} },
      { class_name: 'GlobalMaxPooling2D', config: null },
      { class_name: 'constructor', config: {} },
      pooled('x', { '': 1, '-': ['name'], '^config': 2 }),
      { '': 'Dense' },
      { '': [1], '-': 3 },
      JSON.parse('{"class_name": "Dense", "config": {"__proto__": {"a": 1}}, "__proto__": {"b": 2}}'),
    ];
    for (const value of odd) expect(back({ value, again: value }), JSON.stringify(value)).toEqual({ value, again: value });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (made) => {
        const value = JSON.parse(JSON.stringify(made));
        expect(back(value)).toEqual(value);
      }),
    );
  });

  it('are refused where they speak of what there is not, or stand for too much', async () => {
    await expectProblem(() => fromTemplates({ '': 'Nobody' }), 'MODEL_UNREADABLE', /Nobody/);
    await expectProblem(() => fromTemplates({ '': [1] }), 'MODEL_UNREADABLE', /no keys/);
    await expectProblem(() => fromTemplates(Array(100_000).fill({ '': 'LSTM' })), 'MODEL_UNREADABLE', /too much/);
  });
});

/** A code that no encoder writes: twice a step that is more than half of the largest number. */
function tooLarge(): Uint8Array {
  const coder = new BitEncoder();
  codeCount(coder, 1, 1);
  const heads = new HeadCoder(coder);
  heads.code({ shape: [2], type: 0, kind: 1 });
  heads.codeStep(2 ** 127);
  for (const period of [0, 0]) codeCount(coder, period, 1);
  new MatrixCoder(coder).code(Int32Array.of(1, 2), 1, 2, NONE, { inputs: new Uint8Array(1), units: new Uint8Array(2) });
  return coder.finish();
}

describe('documents', () => {
  const document = documentOf(
    sequential([8, 8, 1], [conv2d('c', 6, 3), batchNormalization('n'), flatten('f'), dense('d', 10, { activation: 'softmax' })]),
    randomFill(2),
  );

  it('come back with their config and every weight, the same bytes each time', async () => {
    const file = writeEsp(document);
    expect(writeEsp(document).equals(file)).toBe(true);
    const path = join(folder, 'model.esp');
    writeFileSync(path, file);
    const read = await readEsp(path);
    expect(read.graph.layers.map(({ name, options }) => [name, options])).toEqual(
      document.graph.layers.map(({ name, options }) => [name, options]),
    );
    expect(read.metadata).toEqual(document.metadata);
    for (const [key, { data }] of document.weights) expectSameBits(read.weights.get(key)!.data, data, key);
    const kernel = document.weights.get('d/kernel')!;
    const zeros = withWeights(
      document,
      new Map([...document.weights, ['d/kernel', { ...kernel, data: kernel.data.map((value, at) => (at % 9 ? 0 : value)) }]]),
    );
    expect(writeEsp(zeros).length).toBeLessThan(0.5 * file.length);
  });

  it('are refused with a Problem whichever bytes are wrong, and when they are cut off', async () => {
    const file = writeEsp(document);
    const path = join(folder, 'damaged.esp');
    const refused = async (bytes: Buffer, pattern: RegExp): Promise<void> => {
      writeFileSync(path, bytes);
      await expectProblem(() => readEsp(path), 'MODEL_UNREADABLE', pattern);
    };
    for (const at of [0, 3, 4, 40, 400, file.length - 1]) {
      const damaged = Buffer.from(file);
      damaged[at]! ^= 0x40;
      await refused(damaged, /./);
    }
    for (const length of [0, 3, 8, 100, file.length - 1]) await refused(file.subarray(0, length), /./);
    await refused(Buffer.concat([Buffer.from('ESP\x01'), file.subarray(4)]), /version 1; version 2/);
    // Zeros that would not fit into memory take a few bytes: what the config does not ask for is refused before.
    const huge = { shape: [2 ** 14, 2 ** 14], data: new Float32Array(0), narrow: null, periods: NONE };
    const { text } = openContainer(file);
    await refused(encodeContainer({ text, tensors: [huge] }), /holds 1 weights/);
    const others = [...document.weights.values()].slice(1).map(({ shape, data }) => ({ shape, data, narrow: null, periods: NONE }));
    await refused(encodeContainer({ text, tensors: [huge, ...others] }), /shape \[16384, 16384\]/);
    expect(() => decodeTensors(tooLarge())).toThrow(/not finite/);
    // With a checksum that is right any bytes are read to an end.
    for (let trial = 0; trial < 300; trial++) {
      const body = Buffer.from(readFileSync(join(folder, 'model.esp')).subarray(0, -4));
      for (let change = 0; change < 3; change++) body[4 + numbers.int(body.length - 4)] = numbers.int(256);
      const sum = Buffer.alloc(4);
      sum.writeUInt32LE(crc32(body));
      writeFileSync(path, Buffer.concat([body, sum]));
      await readEsp(path).catch((error: { code?: string }) => expect(error.code).toMatch(/^[A-Z_]+$/));
    }
  });
});
