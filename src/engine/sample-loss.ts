/** Losses of single samples on the host, in float64; of a sample with several positions (a sequence of classes) the mean over them. */
import type { Loss } from './losses.ts';

type Numbers = Float32Array | Int32Array;

export interface SampleScore {
  loss: number;
  /** Right at every position. */
  hit: boolean;
  absoluteError: number;
}

/** From a sample's output (logits where the loss takes them) and target, as they are stored. */
export type SampleLoss = (output: Numbers, target: Numbers) => SampleScore;

/** `width` is the output's last axis; `classes` says how many there are where targets are class numbers. */
export function sampleLoss({ name, options }: Loss, width: number | null, classes: number | null): SampleLoss {
  const { label_smoothing: smoothing, huber_delta: delta } = options;
  const rowOf = (output: Numbers): number => width ?? output.length;
  const dense = (output: Numbers, target: Numbers): Numbers => {
    if (target.length === output.length || classes === null) return target;
    const rows = new Float32Array(output.length);
    for (let position = 0; position < target.length; position++) rows[position * classes + target[position]!] = 1;
    return rows;
  };
  const regression =
    (value: (error: number) => number): SampleLoss =>
    (output, stored) => {
      const target = dense(output, stored);
      let total = 0;
      let absolute = 0;
      for (let index = 0; index < output.length; index++) {
        const error = output[index]! - target[index]!;
        total += value(error);
        absolute += Math.abs(error);
      }
      return { loss: total / output.length, hit: false, absoluteError: absolute / output.length };
    };
  const byRow =
    (value: (output: Numbers, target: Numbers) => number): SampleLoss =>
    (output, stored) => {
      const target = dense(output, stored);
      const length = rowOf(output);
      let total = 0;
      let absolute = 0;
      for (let from = 0; from < output.length; from += length) {
        total += value(output.subarray(from, from + length), target.subarray(from, from + length));
      }
      for (let index = 0; index < output.length; index++) absolute += Math.abs(output[index]! - target[index]!);
      return { loss: (total * length) / output.length, hit: false, absoluteError: absolute / output.length };
    };
  switch (name) {
    case 'sparse_categorical_crossentropy':
    case 'categorical_crossentropy':
      return (output, stored) => {
        const length = rowOf(output);
        const numbered = name === 'sparse_categorical_crossentropy';
        let loss = 0;
        let hit = true;
        for (let position = 0; position * length < output.length; position++) {
          const logits = output.subarray(position * length, (position + 1) * length);
          const normaliser = logSumExp(logits);
          const target = numbered ? null : stored.subarray(position * length, (position + 1) * length);
          const label = numbered ? stored[position]! : largest(target!);
          hit &&= largest(logits) === label;
          for (let index = 0; index < length; index++) {
            const wanted = target ? target[index]! : index === label ? 1 : 0;
            const soft = wanted * (1 - smoothing) + smoothing / length;
            if (soft !== 0) loss += soft * (normaliser - logits[index]!);
          }
        }
        return { loss: (loss * length) / output.length, hit, absoluteError: 0 };
      };
    case 'binary_crossentropy':
      return (output, stored) => {
        const target = dense(output, stored);
        let loss = 0;
        let hit = true;
        for (let index = 0; index < output.length; index++) {
          const z = output[index]!;
          const y = target[index]! * (1 - smoothing) + smoothing / 2;
          loss += Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)));
          hit &&= z > 0 === target[index]! > 0.5;
        }
        return { loss: loss / output.length, hit, absoluteError: 0 };
      };
    case 'mean_squared_error':
      return regression((error) => error * error);
    case 'mean_absolute_error':
      return regression(Math.abs);
    case 'huber':
      return regression((error) => {
        const small = Math.min(Math.abs(error), delta);
        return 0.5 * small * small + delta * (Math.abs(error) - small);
      });
    case 'cosine_similarity':
      return byRow((output, target) => {
        let [product, a, b] = [0, 0, 0];
        for (let index = 0; index < output.length; index++) {
          product += output[index]! * target[index]!;
          a += output[index]! ** 2;
          b += target[index]! ** 2;
        }
        return -product / Math.sqrt(Math.max(a, 1e-12) * Math.max(b, 1e-12));
      });
    case 'kl_divergence':
      return byRow((output, target) => {
        const clipped = (value: number): number => Math.min(1, Math.max(1e-7, value));
        let sum = 0;
        for (let index = 0; index < output.length; index++) {
          const y = clipped(target[index]!);
          sum += y * Math.log(y / clipped(output[index]!));
        }
        return sum;
      });
  }
}

function largest(values: Numbers): number {
  let at = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[at]!) at = index;
  return at;
}

/** log Σ exp(z), without overflow. */
function logSumExp(logits: Numbers): number {
  const top = logits[largest(logits)]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - top);
  return top + Math.log(sum);
}
