/** A recorded graph, loaded: runs of it, and the variables it holds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { typed } from '../raw-ops.ts';
import { writeWithRoom } from '../room.ts';
import { backend, DTYPE, type DtypeName, type TypedValues } from './native.ts';
import { encodeSavedModel, type GraphNode } from './proto.ts';

/** A tensor that TensorFlow holds, by the binding's number. */
export type TensorNumber = number;

export class Session {
  private readonly session: number;

  /** Loads the graph. Throws an Error with TensorFlow's words where it is no valid graph. */
  constructor(nodes: readonly GraphNode[]) {
    const folder = mkdtempSync(join(tmpdir(), 'espalier-graph-'));
    try {
      writeWithRoom(join(folder, 'saved_model.pb'), () => encodeSavedModel(nodes));
      this.session = backend.binding.loadSavedModel(folder, 'serve');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /**
   * One run: feeds and fetches are names with their output, `x:0`, joined by commas. The caller deletes what is returned. Feeds should come from `owned`:
   * TensorFlow may let go of them on a thread of its own, where memory of JavaScript must not be freed.
   */
  run(feeds: readonly TensorNumber[], feedNames: string, fetches: string): TensorNumber[] {
    return backend.binding.runSavedModel(this.session, feeds, feedNames, fetches).map(({ id }) => id);
  }

  /** Sets a variable of the graph from numbers, which it copies. */
  set(name: string, values: TypedValues, shape: readonly number[], dtype: DtypeName = 'float32'): void {
    const value = owned(values, shape, dtype);
    for (const id of this.run([value], `value/${name}:0`, `set/${name}:0`)) remove(id);
    remove(value);
  }

  /** Copies of variables' values, in the order of their names. */
  get(names: readonly string[]): TypedValues[] {
    if (names.length === 0) return [];
    return this.run([], '', names.map((name) => `get/${name}:0`).join()).map(taken);
  }

  dispose(): void {
    backend.binding.deleteSavedModel(this.session);
  }
}

/** A tensor in TensorFlow's own memory with a copy of the values. */
export function owned(values: TypedValues, shape: readonly number[], dtype: DtypeName): TensorNumber {
  const { binding } = backend;
  const aliased = binding.createTensor(shape, DTYPE[dtype], values);
  try {
    const [copy] = binding.executeOp('DeepCopy', [typed('T', DTYPE[dtype])], [aliased], 1);
    return copy!.id;
  } finally {
    binding.deleteTensor(aliased);
  }
}

export function remove(id: TensorNumber): void {
  backend.binding.deleteTensor(id);
}

/** The values of a fetched tensor, which is deleted. */
export function taken(id: TensorNumber): TypedValues {
  const values = backend.binding.tensorDataSync(id);
  backend.binding.deleteTensor(id);
  return values;
}
