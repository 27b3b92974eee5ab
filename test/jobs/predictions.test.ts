import { describe, expect, it } from 'vitest';
import { packArrays, unpackArrays } from '../../src/jobs/predictions/arrays.ts';
import { packAnswer, unpackAnswer } from '../../src/jobs/predictions/messages.ts';
import { nonFiniteWarnings, withDistinctNames } from '../../src/jobs/predictions/outputs.ts';

const arrays = [
  { name: 'ü/x', shape: [2, 1], data: Float32Array.of(0.1, Number.NaN) },
  { name: 'empty', shape: [0, 3], data: new Float32Array(0) },
  { name: 'y', shape: [], data: Float32Array.of(-0) },
];

describe('packed arrays', () => {
  it('come back bit for bit, wherever in memory they lie', () => {
    const packed = packArrays(arrays, { kind: 'outputs' });
    const shifted = Buffer.concat([Buffer.of(1), packed]).subarray(1);
    for (const bytes of [packed, shifted]) expect(unpackArrays(bytes)).toEqual({ arrays, extra: { kind: 'outputs' } });
    expect(unpackAnswer(packAnswer({ kind: 'outputs', outputs: arrays }))).toEqual({ kind: 'outputs', outputs: arrays });
  });

  it('that are cut, longer, or something else are refused', () => {
    const packed = packArrays(arrays);
    for (let length = 0; length < packed.length; length += 1) expect(() => unpackArrays(packed.subarray(0, length))).toThrow();
    expect(() => unpackArrays(Buffer.concat([packed, Buffer.of(0)]))).toThrow('followed by 1 bytes');
    expect(() => unpackArrays(Buffer.from('\xff\xff\xff\xff{}', 'latin1'))).toThrow('no packed arrays');
    expect(() => unpackAnswer(packArrays([], { kind: 'failed', code: 'NO_SUCH_CODE', detail: '' }))).toThrow('neither');
    const failure = { kind: 'failed', code: 'OUT_OF_MEMORY', detail: 'x' } as const;
    expect(unpackAnswer(packAnswer(failure))).toEqual(failure);
  });
});

describe('outputs', () => {
  it('get names of their own, and say how much of them is not finite', () => {
    const twice = [arrays[2]!, arrays[2]!, { ...arrays[0]!, name: 'y_2' }];
    expect(withDistinctNames(twice).map(({ name }) => name)).toEqual(['y', 'y_2', 'y_2_2']);
    expect(nonFiniteWarnings(arrays)).toEqual([
      { code: 'NON_FINITE_OUTPUTS', detail: '1 of the 2 numbers of output ü/x are NaN or infinite' },
    ]);
  });
});
