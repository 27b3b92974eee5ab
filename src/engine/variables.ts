import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import type { Weight, Weights } from '../model/document.ts';
import { assignVariable, destroyVariable, makeVariable, readVariable } from './raw-ops.ts';
import { tf } from './tensorflow.ts';

interface Entry {
  handle: Tensor;
  shape: readonly number[];
}

/** Named float32 variables held by TensorFlow: a model's weights, or an optimizer's slots. Belongs to whoever made it: `dispose` it. */
export class Variables {
  private readonly entries = new Map<string, Entry>();

  /** Copies of the weights. */
  static from(weights: Weights): Variables {
    const variables = new Variables();
    for (const [key, weight] of weights) variables.set(key, weight);
    return variables;
  }

  /** Makes the variable, or assigns to it when it is there with this shape. */
  set(key: string, { shape, data }: Weight): void {
    // tfjs aliases the array it is given, and TensorFlow updates variables in place: the caller's array must not be the one.
    const value = tf.tensor(data.slice(), [...shape], 'float32');
    this.assign(key, value);
    value.dispose();
  }

  /** Assigns a tensor, making the variable where there is none. */
  assign(key: string, value: Tensor): void {
    let entry = this.entries.get(key);
    if (!entry) {
      const handle = tf.keep(makeVariable(value.shape));
      entry = { handle, shape: value.shape };
      this.entries.set(key, entry);
    }
    assignVariable(entry.handle, value);
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  keys(): string[] {
    return [...this.entries.keys()];
  }

  handle(key: string): Tensor {
    return this.entry(key).handle;
  }

  shape(key: string): readonly number[] {
    return this.entry(key).shape;
  }

  /** The present value as a tensor; later updates do not change it. The caller disposes it. */
  read(key: string): Tensor {
    return readVariable(this.entry(key).handle);
  }

  /** The present value on the host. */
  value(key: string): Weight {
    const tensor = this.read(key);
    // The binding copies what TensorFlow holds.
    const data = tensor.dataSync<'float32'>() as Float32Array<ArrayBuffer>;
    tensor.dispose();
    return { shape: this.entry(key).shape, data };
  }

  /** All present values on the host. */
  values(): Weights {
    return new Map(this.keys().map((key) => [key, this.value(key)]));
  }

  dispose(): void {
    for (const { handle } of this.entries.values()) {
      destroyVariable(handle);
      handle.dispose();
    }
    this.entries.clear();
  }

  private entry(key: string): Entry {
    const entry = this.entries.get(key);
    if (!entry) throw new Error(`There is no variable ${key}`);
    return entry;
  }
}
