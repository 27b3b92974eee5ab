/** Tensors that are given to run after run with other values. */
import { flag, typed } from '../raw-ops.ts';
import { backend, DTYPE, type DtypeName, type TypedValues } from './native.ts';
import { owned, remove, type TensorNumber, taken } from './session.ts';

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array } as const;

/** TensorFlow shares an array's memory only where it begins at such a multiple, on a CPU; it copies it otherwise. Buffers begin at multiples of the second. */
const ALIGNMENT = 64;
const BUFFERS_BEGIN_AT = 16;

/**
 * One feed of a graph. Where TensorFlow shares the array behind a tensor, which is tried and not assumed, new values are written into that array, and a run
 * costs no operation but itself; elsewhere (on a GPU) each value is copied into a tensor of its own. Disposed only after its session: the last reference to a
 * shared array must not drop on a thread of TensorFlow.
 */
export class Feed {
  private readonly shape: readonly number[];
  private readonly dtype: DtypeName;
  /** The array that the tensor is over; null where memory is not shared. */
  private readonly memory: TypedValues | null;
  private tensor: TensorNumber | null;

  constructor(shape: readonly number[], dtype: DtypeName) {
    this.shape = shape;
    this.dtype = dtype;
    const found = shared(shape, dtype);
    this.memory = found?.memory ?? null;
    this.tensor = found?.tensor ?? null;
  }

  /** The tensor with these values, as many as its shape has elements; it is the feed's own. */
  with(values: TypedValues): TensorNumber {
    if (this.memory) {
      if (values.length !== this.memory.length) throw new Error(`A feed of ${this.memory.length} elements is given ${values.length}`);
      this.memory.set(values);
      return this.tensor!;
    }
    if (this.tensor !== null) remove(this.tensor);
    this.tensor = owned(values, this.shape, this.dtype);
    return this.tensor;
  }

  dispose(): void {
    if (this.tensor !== null) remove(this.tensor);
    this.tensor = null;
  }
}

/** A tensor that shares an array's memory, or null where there is none to be had. */
function shared(shape: readonly number[], dtype: DtypeName): { memory: TypedValues; tensor: TensorNumber } | null {
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (size === 0) return null;
  const Values = ARRAYS[dtype];
  const buffer = new ArrayBuffer(size * Values.BYTES_PER_ELEMENT + ALIGNMENT);
  for (let offset = 0; offset < ALIGNMENT; offset += BUFFERS_BEGIN_AT) {
    const memory = new Values(buffer, offset, size);
    const tensor = backend.binding.createTensor(shape, DTYPE[dtype], memory);
    memory.fill(1);
    const seesOnes = valuesOf(tensor, dtype).every((value) => value === 1);
    memory.fill(0);
    if (seesOnes && valuesOf(tensor, dtype).every((value) => value === 0)) return { memory, tensor };
    remove(tensor);
  }
  return null;
}

/** What TensorFlow sees; the binding cannot read bytes. */
function valuesOf(tensor: TensorNumber, dtype: DtypeName): TypedValues {
  const { binding } = backend;
  if (dtype !== 'uint8') return binding.tensorDataSync(tensor);
  const cast = [typed('SrcT', DTYPE.uint8), typed('DstT', DTYPE.int32), flag('Truncate', false)];
  return taken(binding.executeOp('Cast', cast, [tensor], 1)[0]!.id);
}
