/** What TensorFlow holds of each weight of a training, from checkpoint to checkpoint. */
import type { Weights } from '../../model/document.ts';
import type { StoredArray } from '../checkpoint.ts';
import { type StepVariables, VARIABLE_KINDS } from '../step/index.ts';
import { Variables } from '../variables.ts';

export class RunVariables implements StepVariables {
  readonly weights = new Variables();
  readonly slots = new Variables();
  readonly averages = new Variables();
  readonly scores = new Variables();
  readonly marks = new Variables();
  readonly places = new Variables();
  readonly steps = new Variables();
  readonly costs = new Variables();

  /** Of these weights alone. */
  constructor(weights: Weights) {
    this.setWeights(weights);
  }

  /** Gives weights these numbers; those that are not there yet are made. */
  setWeights(weights: Weights): void {
    for (const [key, weight] of weights) this.weights.set(key, weight);
  }

  /** Sets all but the weights as a checkpoint has them. */
  restore(arrays: ReadonlyMap<string, StoredArray>): void {
    for (const kind of VARIABLE_KINDS) {
      if (kind === 'weights') continue;
      for (const [key, value] of storedUnder(arrays, kind)) this[kind].set(key, value);
    }
  }

  /** All of them under the names that a checkpoint has for them. */
  *stored(): Generator<[name: string, array: StoredArray]> {
    for (const kind of VARIABLE_KINDS) for (const [key, value] of this[kind].values()) yield [`${kind}/${key}`, value];
  }

  /** Leaves nothing; others may be set. */
  clear(): void {
    for (const kind of VARIABLE_KINDS) this[kind].dispose();
  }
}

/** The float32 arrays of a checkpoint under a name, by what stands behind it. */
export function storedUnder(arrays: ReadonlyMap<string, StoredArray>, name: string): Weights {
  const prefix = `${name}/`;
  return new Map(
    [...arrays]
      .filter(([full]) => full.startsWith(prefix))
      .map(([full, { shape, data }]) => [full.slice(prefix.length), { shape, data: data as Float32Array<ArrayBuffer> }]),
  );
}
