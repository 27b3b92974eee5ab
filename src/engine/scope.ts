import { tf } from './tensorflow.ts';

/** Runs work and disposes every tensor that it made, except those in the result. The result may be anything; tfjs' type asks for tensors only. */
export function scope<Result>(work: () => Result): Result {
  return tf.tidy(work as () => never) as Result;
}
