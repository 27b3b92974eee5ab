import { afterEach, describe, expect, it } from 'vitest';
import { Feed } from '../../src/engine/graph/feed.ts';
import { backend } from '../../src/engine/graph/native.ts';
import { taken } from '../../src/engine/graph/session.ts';
import { flag, typed } from '../../src/engine/raw-ops.ts';
import { tf } from '../../src/engine/tensorflow.ts';

const feeds: Feed[] = [];
const feed = (...of: ConstructorParameters<typeof Feed>): Feed => {
  const made = new Feed(...of);
  feeds.push(made);
  return made;
};
/** What TensorFlow sees in a tensor; the binding cannot read bytes. */
function seen(tensor: number, dtype: string): unknown {
  if (dtype !== 'uint8') return backend.binding.tensorDataSync(tensor);
  const attributes = [typed('SrcT', 4), typed('DstT', 3), flag('Truncate', false)];
  return Uint8Array.from(taken(backend.binding.executeOp('Cast', attributes, [tensor], 1)[0]!.id));
}
afterEach(() => {
  for (const made of feeds.splice(0)) made.dispose();
});

describe('Feed', () => {
  it.each([
    ['float32', Float32Array.of(1.5, -2, 3)],
    ['int32', Int32Array.of(7, -8, 9)],
    ['uint8', Uint8Array.of(0, 128, 255)],
  ] as const)('shows TensorFlow new values of %s in the same tensor', (dtype, values) => {
    const made = feed([3], dtype);
    const first = made.with(values);
    expect(seen(first, dtype)).toEqual(values);
    const second = made.with(values.toReversed());
    expect(second).toBe(first);
    expect(seen(second, dtype)).toEqual(values.toReversed());
  });

  it('takes scalars, and large arrays wherever they begin', () => {
    const scalar = feed([], 'int32');
    expect(backend.binding.tensorDataSync(scalar.with(Int32Array.of(5)))).toEqual(Int32Array.of(5));
    const values = Float32Array.from({ length: 5001 }, (_, index) => index).subarray(1);
    expect(backend.binding.tensorDataSync(feed([50, 100], 'float32').with(values))).toEqual(values.slice());
  });

  it('makes a tensor of its own of each value where memory is not shared, as on a GPU', () => {
    const { binding } = backend;
    const copying = Object.create(binding, {
      createTensor: { value: (shape: number[], dtype: number, values: Float32Array) => binding.createTensor(shape, dtype, values.slice()) },
    });
    backend.binding = copying;
    try {
      const made = feed([2], 'float32');
      const first = made.with(Float32Array.of(1, 2));
      expect(binding.tensorDataSync(first)).toEqual(Float32Array.of(1, 2));
      expect(binding.tensorDataSync(made.with(Float32Array.of(3, 4)))).toEqual(Float32Array.of(3, 4));
    } finally {
      backend.binding = binding;
    }
  });

  it('refuses another number of values', () => {
    expect(() => feed([3], 'float32').with(Float32Array.of(1, 2))).toThrow('A feed of 3 elements is given 2');
  });

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    feed([4], 'float32').with(new Float32Array(4));
    expect(tf.memory().numTensors).toBe(before);
  });
});
