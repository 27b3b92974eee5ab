/** Functions of tensors and a model's weights, recorded once and then one call of TensorFlow each time. */
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { scope } from '../scope.ts';
import { tf } from '../tensorflow.ts';
import type { Variables } from '../variables.ts';
import { backend, DTYPE, type DtypeName } from './native.ts';
import { Recorder } from './recorder.ts';
import { Session } from './session.ts';

export interface TensorFunction {
  /** Shapes and types of what it is given, in order. */
  inputs: readonly { shape: readonly number[]; dtype: 'float32' | 'int32' }[];
  /** Reads weights from the variables that the functions were captured with. */
  run(inputs: Tensor[]): Tensor[];
}

interface Recorded {
  feeds: string;
  outputs: { shape: number[]; dtype: DtypeName }[];
}

/** By name. Belongs to whoever made it: `dispose` it before the weights. */
export class CapturedFunctions<Name extends string> {
  /** Why operations run one by one instead; null where functions are captured. */
  readonly fallback: string | null;
  private readonly functions: Record<Name, TensorFunction>;
  private readonly weights: Variables;
  private readonly recorded = new Map<Name, Recorded>();
  private readonly session: Session | null;

  constructor(functions: Record<Name, TensorFunction>, weights: Variables) {
    this.functions = functions;
    this.weights = weights;
    let [session, fallback]: [Session | null, string | null] = [null, null];
    try {
      session = this.capture();
      this.load(session);
    } catch (error) {
      session?.dispose();
      session = null;
      fallback = (error as Error).message;
    }
    this.session = session;
    this.fallback = fallback;
  }

  /** The outputs, which are the caller's to dispose. Inputs lie in TensorFlow's own memory (`rawTensor`, or outputs of operations). */
  call(name: Name, inputs: Tensor[]): Tensor[] {
    const recorded = this.recorded.get(name);
    if (!this.session || !recorded) return scope(() => this.functions[name].run(inputs));
    const fetches = recorded.outputs.map((_, place) => `${outputName(name, place)}:0`).join();
    const ids = this.session.run(backend.getInputTensorIds(inputs), recorded.feeds, fetches);
    return ids.map((id, place) => {
      const { shape, dtype } = recorded.outputs[place]!;
      return backend.createOutputTensor({ id, shape, dtype: DTYPE[dtype] });
    });
  }

  /** Takes the variables' present values. */
  reload(): void {
    if (this.session) this.load(this.session);
  }

  dispose(): void {
    this.session?.dispose();
  }

  private load(session: Session): void {
    for (const [place, key] of this.weights.keys().entries()) {
      session.set(`weights/${place}`, this.weights.value(key).data, this.weights.shape(key));
    }
  }

  private capture(): Session {
    const recorder = new Recorder();
    for (const [place, key] of this.weights.keys().entries()) {
      recorder.variable(`weights/${place}`, this.weights.handle(key), this.weights.shape(key));
    }
    for (const [name, { inputs, run }] of Object.entries<TensorFunction>(this.functions)) {
      scope(() => {
        const given = inputs.map(({ shape, dtype }, place) => {
          const tensor = tf.zeros([...shape], dtype);
          recorder.feed(inputName(name, place), tensor);
          return tensor;
        });
        const outputs = recorder.record(() => run(given));
        for (const [place, output] of outputs.entries()) recorder.peek(outputName(name, place), output);
        this.recorded.set(name as Name, {
          feeds: inputs.map((_, place) => `${inputName(name, place)}:0`).join(),
          outputs: outputs.map(({ shape, dtype }) => ({ shape: [...shape], dtype: dtype as DtypeName })),
        });
      });
    }
    return new Session(recorder.nodes);
  }
}

const inputName = (name: string, place: number): string => `given/${name}/${place}`;
const outputName = (name: string, place: number): string => `made/${name}/${place}`;
