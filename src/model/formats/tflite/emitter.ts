/** Tensors and operators of a TensorFlow Lite graph. */
import { permuted, sameShape } from '../../program/builder.ts';
import { Inexpressible } from '../../program/lowering.ts';
import type { Dimension, Value } from '../../program/program.ts';
import type { Operator, OperatorOptions, Tensor } from './flatbuffer.ts';
import type { OperatorName, OptionFields, OptionsName, TensorType } from './schema.ts';
import { type Precision, stored } from './stored.ts';

/** A tensor that an operator makes. */
export interface Made {
  type: TensorType;
  shape: readonly Dimension[];
}

/** How a constant lies: its axes in another order, then in this shape. */
export interface Arrangement {
  order: readonly number[];
  shape: readonly number[];
}

/** From this many numbers on a constant is stored in the precision that was asked for. */
const FEWEST_SHORTENED = 1024;

export function options<Name extends OptionsName>(name: Name, fields: OptionFields<Name>): OperatorOptions {
  return { name, fields: fields as OperatorOptions['fields'] };
}

export class Emitter {
  readonly tensors: Tensor[] = [];
  readonly operators: Operator[] = [];
  private readonly places = new Map<Value, number>();
  private readonly constants = new Map<object, Map<string, number>>();
  private readonly integerTensors = new Map<string, number>();
  private readonly lengths = new Map<string, number>();
  /** A tensor that has each length which only a run knows. */
  private readonly carriers = new Map<string, { tensor: number; axis: number }>();
  private readonly precision: Precision;
  layer = '';

  constructor(precision: Precision) {
    this.precision = precision;
  }

  /** A tensor that a run is given. */
  input(name: string, made: Made): number {
    return this.tensor({ name, ...made, data: null });
  }

  /** Says where a value is. */
  define(value: Value, tensor: number): void {
    this.places.set(value, tensor);
    value.shape.forEach((length, axis) => {
      if (typeof length === 'string' && !this.carriers.has(length)) this.carriers.set(length, { tensor, axis });
    });
  }

  /** Adds an operator; answers the tensors that it makes. */
  add(
    name: OperatorName,
    inputs: readonly number[],
    outputs: readonly Made[],
    given: OperatorOptions | null = null,
    version = 1,
  ): number[] {
    const title = `${this.layer}/${name}`;
    const made = outputs.map(({ type, shape }) => this.tensor({ name: title, type, shape, data: null }));
    this.operators.push({ name, version, inputs, outputs: made, options: given });
    return made;
  }

  add1(name: OperatorName, inputs: readonly number[], output: Made, given: OperatorOptions | null = null, version = 1): number {
    return this.add(name, inputs, [output], given, version)[0]!;
  }

  /** What a tensor is. */
  made(tensor: number): Made {
    return this.tensors[tensor]!;
  }

  get(value: Value): number {
    if (value.constant) return this.constant(value);
    const place = this.places.get(value);
    if (place === undefined) throw new Error(`A value of ${this.layer} is read before it is made`);
    return place;
  }

  /** A constant, arranged so; the same numbers arranged alike are one tensor. */
  constant(value: Value, arrangement?: Arrangement): number {
    const numbers = value.constant!.data;
    const shape = arrangement?.shape ?? (value.shape as readonly number[]);
    const order = arrangement?.order ?? null;
    const bytes = (): Uint8Array => bytesOf(arranged(value, order));
    if (value.type !== 'float32') {
      return this.known(numbers, `${shape.join()} ${order?.join()}`, () =>
        this.file('constant', value.type, shape, () => ({ bytes: bytes() })),
      );
    }
    return this.known(numbers, `${shape.join()} ${order?.join()}`, () => {
      const axis = shape.length - 1;
      // A scale for each number would take more than the number.
      const scaledOneByOne = this.precision === 'int8' && shape[axis] === numbers.length;
      const short = numbers.length >= FEWEST_SHORTENED && !scaledOneByOne ? stored(numbers as Float32Array, this.precision) : null;
      if (!short) return this.file('constant', 'float32', shape, () => ({ bytes: bytes() }));
      const held = this.file('constant', short.type, shape, () => short.make(arranged(value, order) as Float32Array, shape, axis));
      return this.add1('DEQUANTIZE', [held], { type: 'float32', shape }, null, short.type === 'float16' ? 3 : 5);
    });
  }

  /**
   * The weights of an operator that takes them as int8 beside float32 numbers, with a scale for each place of `axis`. Elsewhere, and of few numbers, as
   * `constant`.
   */
  weights(value: Value, arrangement: Arrangement, axis: number): { tensor: number; hybrid: boolean } {
    const numbers = value.constant!.data as Float32Array;
    if (this.precision !== 'int8' || numbers.length < FEWEST_SHORTENED) return { tensor: this.constant(value, arrangement), hybrid: false };
    const { shape, order } = arrangement;
    const short = stored(numbers, 'int8')!;
    const tensor = this.known(numbers, `weights ${shape.join()} ${order.join()} ${axis}`, () =>
      this.file('weights', short.type, shape, () => short.make(arranged(value, order) as Float32Array, shape, axis)),
    );
    return { tensor, hybrid: true };
  }

  /** int32 numbers, as axes and shapes are given. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): number {
    const key = `${shape.join('x')} ${values.join()}`;
    const found = this.integerTensors.get(key);
    if (found !== undefined) return found;
    const data = Int32Array.from(values);
    const tensor = this.tensor({ name: 'constants/int32', type: 'int32', shape, data: () => ({ bytes: bytesOf(data) }) });
    this.integerTensors.set(key, tensor);
    return tensor;
  }

  integer(value: number): number {
    return this.integers([value], []);
  }

  number(value: number): number {
    const key = `float ${Object.is(value, -0) ? '-0' : value}`;
    const found = this.integerTensors.get(key);
    if (found !== undefined) return found;
    const data = Float32Array.of(value);
    const tensor = this.tensor({ name: 'constants/float32', type: 'float32', shape: [], data: () => ({ bytes: bytesOf(data) }) });
    this.integerTensors.set(key, tensor);
    return tensor;
  }

  /** A tensor in another shape. */
  reshaped(tensor: number, shape: readonly Dimension[]): number {
    const { type, shape: from } = this.made(tensor);
    if (sameShape(shape, from)) return tensor;
    return this.add1('RESHAPE', [tensor, this.target(shape)], { type, shape });
  }

  /** The same numbers as another tensor. */
  copied(tensor: number): number {
    const { type, shape } = this.made(tensor);
    return this.add1('RESHAPE', [tensor, this.target(shape)], { type, shape });
  }

  /** With an axis of 1 before this place. */
  expanded(tensor: number, axis: number): number {
    const { type, shape } = this.made(tensor);
    return this.add1('EXPAND_DIMS', [tensor, this.integer(axis)], { type, shape: shape.toSpliced(axis, 0, 1) });
  }

  squeezed(tensor: number, axis: number): number {
    const { type, shape } = this.made(tensor);
    return this.add1('SQUEEZE', [tensor], { type, shape: shape.toSpliced(axis, 1) }, options('SqueezeOptions', { squeeze_dims: [axis] }));
  }

  /** One length may be left open, -1. */
  private target(shape: readonly Dimension[]): number {
    const named = shape.filter((length) => typeof length === 'string');
    if (named.length <= 1) return this.integers(shape.map((length) => (typeof length === 'string' ? -1 : length)));
    const unknown = named.filter((length) => !this.carriers.has(length));
    if (unknown.length > 1) throw new Inexpressible(`${unknown.length} lengths are free and not those of a tensor`, 'fixed sizes');
    const open = unknown.length === 1 ? shape.indexOf(unknown[0]!) : -1;
    return this.shape(shape.map((length, axis) => (axis === open ? -1 : length)));
  }

  /** An int32 tensor of lengths, of which a run knows some. */
  shape(lengths: readonly Dimension[]): number {
    if (lengths.every((length) => typeof length === 'number')) return this.integers(lengths);
    const parts = lengths.map((length) => (typeof length === 'number' ? this.integers([length]) : this.length(length)));
    if (parts.length === 1) return parts[0]!;
    return this.add1('CONCATENATION', parts, { type: 'int32', shape: [parts.length] }, options('ConcatenationOptions', { axis: 0 }));
  }

  /** int32 [1]: a length that only a run knows. */
  length(name: string): number {
    const found = this.lengths.get(name);
    if (found !== undefined) return found;
    const carrier = this.carriers.get(name);
    if (!carrier) throw new Inexpressible('a length is free and not that of a tensor', 'fixed sizes');
    const rank = this.made(carrier.tensor).shape.length;
    const whole = this.add1('SHAPE', [carrier.tensor], { type: 'int32', shape: [rank] }, options('ShapeOptions', { out_type: 2 }));
    const [from, to, one] = [carrier.axis, carrier.axis + 1, 1].map((place) => this.integers([place])) as [number, number, number];
    const made = this.add1('STRIDED_SLICE', [whole, from, to, one], { type: 'int32', shape: [1] }, options('StridedSliceOptions', {}));
    this.lengths.set(name, made);
    return made;
  }

  private file(wanted: string, type: TensorType, shape: readonly number[], data: NonNullable<Tensor['data']>): number {
    return this.tensor({ name: `${this.layer}/${wanted}`, type, shape, data });
  }

  private known(numbers: object, form: string, make: () => number): number {
    const forms = this.constants.get(numbers) ?? new Map<string, number>();
    this.constants.set(numbers, forms);
    const found = forms.get(form);
    if (found !== undefined) return found;
    const tensor = make();
    forms.set(form, tensor);
    return tensor;
  }

  private tensor(tensor: Tensor): number {
    return this.tensors.push(tensor) - 1;
  }
}

function arranged({ constant, shape }: Value, order: readonly number[] | null): Float32Array | Int32Array | Uint8Array {
  return order ? permuted(constant!.data, shape as number[], order) : constant!.data;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
