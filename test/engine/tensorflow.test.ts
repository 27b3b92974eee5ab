import { describe, expect, it } from 'vitest';
import { requireNativeTensorFlow, tf, warmUp } from '../../src/engine/tensorflow.ts';
import { Variables } from '../../src/engine/variables.ts';

describe('TensorFlow', () => {
  it('runs natively, in the version the project is built against', () => {
    expect(requireNativeTensorFlow('auto').version).toBe('2.21.0');
    expect(tf.getBackend()).toBe('tensorflow');
    expect((tf.backend() as unknown as { binding: { TF_Version: string } }).binding.TF_Version).toBe('2.21.0');
  });

  it('says where it runs, and refuses another place', () => {
    const { device } = requireNativeTensorFlow('auto');
    const other = device === 'cpu' ? 'gpu' : 'cpu';
    expect(requireNativeTensorFlow(device).device).toBe(device);
    expect(() => requireNativeTensorFlow(other)).toThrow(`told to use the ${other} and TensorFlow uses the ${device}`);
  });

  it('has the right input gradients of a convolution from one channel to one, which AVX-512 kernels get wrong', () => {
    const x = tf.tensor4d([...Array(36).keys()], [1, 6, 6, 1]);
    const kernel = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3, 1, 1]);
    const gradient = tf.grad((value) => tf.sum(tf.conv2d(value as typeof x, kernel, 1, 'valid')))(x);
    // Each place gathers the kernel weights of the windows that cover it; inside, all nine.
    expect(Array.from(gradient.dataSync()).slice(0, 12)).toEqual([1, 3, 6, 6, 5, 3, 5, 12, 21, 21, 16, 9]);
    tf.dispose([x, kernel, gradient]);
  });

  it('is warmed without leaving anything behind', () => {
    const before = tf.memory().numTensors;
    warmUp();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a variable', () => {
  it('is a copy of what it was made from, and what was read from it does not change with it', () => {
    const source = Float32Array.of(1, 2, 3);
    const variables = Variables.from(new Map([['w', { shape: [3], data: source }]]));
    const read = variables.read('w');
    variables.set('w', { shape: [3], data: Float32Array.of(4, 5, 6) });
    source[0] = 9;
    expect([...read.dataSync()]).toEqual([1, 2, 3]);
    expect(variables.value('w')).toEqual({ shape: [3], data: Float32Array.of(4, 5, 6) });
    read.dispose();
    variables.dispose();
  });

  it('is known by name, and is gone when its holder is disposed', () => {
    const before = tf.memory().numTensors;
    const variables = Variables.from(new Map([['w', { shape: [], data: Float32Array.of(7) }]]));
    expect(variables.keys()).toEqual(['w']);
    expect(variables.has('v')).toBe(false);
    expect(() => variables.value('v')).toThrow('There is no variable v');
    variables.dispose();
    expect(variables.keys()).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
