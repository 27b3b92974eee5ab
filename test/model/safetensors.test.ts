/** Safetensors beside a Keras config: names as ours and as Keras' variables have them, types, and what is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel, writeModel } from '../../src/model/formats/index.ts';
import { readSafetensors, type Safetensor, writeSafetensors } from '../../src/model/formats/safetensors.ts';
import { writeZip } from '../../src/model/formats/zip.ts';
import { batchNormalization, dense, documentOf, layer, randomFill, sequential } from '../helpers/documents.ts';
import { folder } from '../helpers/folder.ts';
import { expectSameBits } from '../helpers/numbers.ts';
import { expectProblem } from '../helpers/problems.ts';

const document = documentOf(sequential([4], [dense('a', 3), batchNormalization('n'), dense('b', 2)]), randomFill(3));
const tensors: Safetensor[] = [...document.weights].map(([name, { shape, data }]) => ({ name, shape, dtype: 'F32', data }));
const renamed = (rename: (name: string) => string): Safetensor[] => tensors.map((tensor) => ({ ...tensor, name: rename(tensor.name) }));

async function zipped(...files: [string, Buffer | string][]): Promise<string> {
  const path = join(folder(), 'anything');
  writeFileSync(path, await writeZip(files.map(([name, bytes]) => [name, Buffer.from(bytes)] as const)));
  return path;
}
const config = JSON.stringify(document.config);

function expectSameWeights(actual: ModelDocument): void {
  for (const [key, { data }] of document.weights) expectSameBits(actual.weights.get(key)!.data, data, key);
}

describe('weights in safetensors', () => {
  it.each<[string, (name: string) => string]>([
    ['as the service names them', (name) => name],
    ['as the paths of Keras’ variables in a Sequential', (name) => `${document.graph.name}/${name}`],
    ['with TensorFlow’s output numbers', (name) => `${name}:0`],
    ['with dots', (name) => name.replaceAll('/', '.')],
    ['as the layers’ paths in the model in which they were built first', (name) => `sequential_7/${name}`],
    ['in scopes', (name) => `block_1/adjust_block/${name}`],
  ])('are found %s', async (_what, rename) => {
    const path = await zipped(['x.json', config], ['y', writeSafetensors(renamed(rename))]);
    const read = await readModel(path);
    expect(read.source.format).toBe('safetensors');
    expectSameWeights(read);
    expect([...read.source.names.values()]).toEqual([...document.weights.keys()].map(rename));
  });

  describe('of other layers', () => {
    const forward = { units: 3, return_sequences: true, use_bias: true, reset_after: true };
    const cell = (className: string, name: string, options = {}) => ({ class_name: className, config: { name, ...forward, ...options } });
    const others = documentOf(
      sequential(
        [5, 4],
        [
          layer('Bidirectional', 'both', {
            merge_mode: 'concat',
            layer: cell('LSTM', 'forward_lstm'),
            backward_layer: cell('GRU', 'gru_31', { go_backwards: true }),
          }),
          { ...layer('LayerScale', 'scale', { init_values: 1, projection_dim: 6 }), module: 'keras.src.applications.convnext' },
        ],
      ),
      randomFill(5),
    );
    const inKeras = (key: string): string =>
      key
        .replace('both/forward_layer', 'both/forward_lstm')
        .replace('both/backward_layer', 'both/gru_31')
        .replace('scale/gamma', 'scale/variable_4');
    const read = async (rename: (key: string) => string) => {
      const some = [...others.weights].map(([key, { shape, data }]): Safetensor => ({ name: rename(key), shape, dtype: 'F32', data }));
      return readModel(await zipped(['c', JSON.stringify(others.config)], ['w', writeSafetensors(some)]));
    };

    it('are found under the names of a Bidirectional’s layers, and without a name of their own', async () => {
      const found = await read((key) => `net/${inKeras(key)}`);
      for (const [key, { data }] of others.weights) expectSameBits(found.weights.get(key)!.data, data, key);
    });

    it('are refused where a name is of neither layer of a Bidirectional', async () => {
      await expectProblem(
        () => read((key) => inKeras(key).replace('gru_31', 'gru_9')),
        'WEIGHTS_MISMATCH',
        /both \(Bidirectional\) has no backward/,
      );
    });

    it('are refused where a name may be that of two layers', async () => {
      await expectProblem(
        () => read((key) => inKeras(key).replace(/^scale/, 'x/both/y/scale')),
        'WEIGHTS_MISMATCH',
        /scale \(LayerScale\) has no gamma/,
      );
    });
  });

  it('may lie in several files, and are written in one under the names they had', async () => {
    const half = renamed((name) => `${document.graph.name}/${name}`);
    const path = await zipped(['a', writeSafetensors(half.slice(0, 3))], ['b', writeSafetensors(half.slice(3))], ['c', config]);
    const bytes = await writeModel(await readModel(path), 'safetensors');
    writeFileSync(path, bytes);
    const again = await readModel(path);
    expectSameWeights(again);
    expect(Buffer.compare(await writeModel(again, 'safetensors'), bytes)).toBe(0);
  });

  it.each([
    ['a weight without a tensor', renamed((name) => name).slice(1), /a \(Dense\) has no kernel/],
    [
      'a tensor without a layer',
      [...tensors, { name: 'z/kernel', shape: [1], dtype: 'F32', data: Float32Array.of(1) } as const],
      /belong to no layer.*z\/kernel/,
    ],
    [
      'a tensor of another shape',
      tensors.map((tensor) => (tensor.name === 'a/bias' ? { ...tensor, shape: [1, 3] } : tensor)),
      /bias of shape \[1, 3\]; its config needs \[3\]/,
    ],
  ])('are refused with %s', async (_what, some, text) => {
    await expectProblem(
      async () => readModel(await zipped(['c', config], ['w', writeSafetensors(some as Safetensor[])])),
      'WEIGHTS_MISMATCH',
      text,
    );
  });

  it('are refused without a config, with two, and a config without them', async () => {
    const weights = writeSafetensors(tensors);
    await expectProblem(async () => readModel(await zipped(['w', weights])), 'UNSUPPORTED_FORMAT', /config \(model\.to_json\(\)\)/);
    await expectProblem(async () => readModel(await zipped(['c', config])), 'UNSUPPORTED_FORMAT', /the weights beside the config/);
    await expectProblem(async () => readModel(await zipped(['c', config], ['d', config], ['w', weights])), 'UNSUPPORTED_FORMAT', /2 Keras/);
  });
});

describe('a safetensors file', () => {
  const bytes = writeSafetensors(tensors);
  const head = (text: string): Buffer => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, Buffer.from(text), Buffer.alloc(16)]);
  };
  it('holds numbers of each type as they were', () => {
    const some: Safetensor[] = [
      { name: 'half', shape: [2], dtype: 'F16', data: Float32Array.of(0.5, -2) },
      { name: 'brain', shape: [1, 2], dtype: 'BF16', data: Float32Array.of(1.5, 2 ** 100) },
      { name: 'double', shape: [], dtype: 'F64', data: Float64Array.of(0.1) },
      { name: 'whole', shape: [1], dtype: 'I64', data: BigInt64Array.of(-5n) },
    ];
    expect(readSafetensors(writeSafetensors(some, { a: 'b' }), 'it')).toEqual({ tensors: some, metadata: { a: 'b' } });
  });
  it.each<[string, Buffer, RegExp]>([
    ['a head that is cut', bytes.subarray(0, 40), /its head says/],
    ['a head that is no JSON', head('{nonsense'), /not JSON/],
    ['a type that is not read', head('{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}'), /F8_E4M3/],
    ['offsets beyond its end', head('{"a":{"dtype":"F32","shape":[100],"data_offsets":[0,400]}}'), /said to lie/],
    ['offsets that do not fit the shape', head('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}'), /said to lie/],
    ['negative offsets', head('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}'), /said to lie/],
    ['a shape that is none', head('{"a":{"dtype":"F32","shape":"x","data_offsets":[0,4]}}'), /said to lie/],
  ])('with %s is unreadable', async (_what, damaged, text) => {
    await expectProblem(() => readSafetensors(damaged, 'it'), 'MODEL_UNREADABLE', text);
  });
});
