/** A data set inside the graph's session, and the batches that are gathered from it there. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { size } from '../../model/layers/index.ts';
import { DTYPE, type DtypeName, type TypedValues } from '../graph/native.ts';
import type { TaughtArrays } from '../pool/training-pool.ts';
import { assignVariable, destroyVariable, gatherVariableRows, makeVariable } from '../raw-ops.ts';
import { tf } from '../tensorflow.ts';
import { type BatchFormat, decoded, rawTensor } from './batch-format.ts';
import type { BatchTensors } from './program.ts';

export interface HeldVariable {
  name: string;
  handle: Tensor;
  /** [samples, ...]. */
  shape: readonly number[];
  type: DtypeName;
  values: TypedValues;
}

/** Stands for the data while a graph is recorded: variables of one row each, that become those of all rows in the session. */
export class HeldData {
  private readonly format: BatchFormat;
  private readonly held: HeldVariable[] = [];

  constructor({ x, y, w, lesson }: TaughtArrays, format: BatchFormat) {
    this.format = format;
    const { stored, storedType, target, targetType, weighted, lesson: said } = format;
    if (!y) throw new Error('The data set has no labels');
    const samples = x.length / size(stored);
    // Labels that are stored as bytes are whole numbers to everybody else.
    const labels = y instanceof Uint8Array ? Int32Array.from(y) : y;
    this.add('data/x', [samples, ...stored], storedType, x);
    this.add('data/y', [samples, ...target], targetType, labels);
    if (weighted && w) this.add('data/w', [samples], 'float32', w);
    if (said && lesson) this.add('data/lesson', [samples, ...said], 'float32', lesson);
  }

  variables(): readonly HeldVariable[] {
    return this.held;
  }

  /** The batch of these rows, int32 [count]. */
  batch(rows: Tensor): BatchTensors {
    const of = (name: string): Tensor | null => {
      const variable = this.held.find((candidate) => candidate.name === name);
      return variable ? gatherVariableRows(variable.handle, rows, DTYPE[variable.type]) : null;
    };
    return {
      x: decoded(this.format, of('data/x')!),
      y: of('data/y')!,
      w: of('data/w'),
      lesson: of('data/lesson'),
    };
  }

  dispose(): void {
    for (const { handle } of this.held) {
      destroyVariable(handle);
      handle.dispose();
    }
  }

  private add(name: string, shape: readonly number[], type: DtypeName, values: TypedValues): void {
    const row = [1, ...shape.slice(1)];
    const handle = tf.keep(makeVariable(row, DTYPE[type]));
    const first = rawTensor(values.slice(0, size(shape.slice(1))), row, type);
    assignVariable(handle, first, DTYPE[type]);
    first.dispose();
    this.held.push({ name, handle, shape, type, values });
  }
}
