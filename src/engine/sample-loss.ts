/** Losses of single samples on the host, in float64; of a sample with several positions (a sequence of classes) the mean over them. */
import { denseTargets, type Numbers } from '../report/metrics/index.ts';
import type { Loss } from './losses.ts';

/** From a sample's output (logits where the loss takes them) and target, as they are stored. */
export type SampleLoss = (output: Numbers, target: Numbers) => number;

/** `width` is the output's last axis; `classes` says how many there are where targets are class numbers. */
export function sampleLoss({ name, options }: Loss, width: number | null, classes: number | null): SampleLoss {
  const { label_smoothing: smoothing, huber_delta: delta } = options;
  const rowOf = (output: Numbers): number => width ?? output.length;
  const dense = (output: Numbers, target: Numbers): Numbers => denseTargets(output, target, classes);
  const regression =
    (value: (error: number) => number): SampleLoss =>
    (output, stored) => {
      const target = dense(output, stored);
      let total = 0;
      for (let index = 0; index < output.length; index++) total += value(output[index]! - target[index]!);
      return total / output.length;
    };
  const byRow =
    (value: (output: Numbers, target: Numbers) => number): SampleLoss =>
    (output, stored) => {
      const target = dense(output, stored);
      const length = rowOf(output);
      let total = 0;
      for (let from = 0; from < output.length; from += length) {
        total += value(output.subarray(from, from + length), target.subarray(from, from + length));
      }
      return (total * length) / output.length;
    };
  switch (name) {
    case 'sparse_categorical_crossentropy':
    case 'categorical_crossentropy':
      return (output, stored) => {
        const length = rowOf(output);
        const numbered = name === 'sparse_categorical_crossentropy';
        let loss = 0;
        for (let from = 0; from < output.length; from += length) {
          const normaliser = logSumExp(output, from, length);
          const label = numbered ? stored[from / length]! : -1;
          for (let index = 0; index < length; index++) {
            const wanted = numbered ? (index === label ? 1 : 0) : stored[from + index]!;
            const soft = wanted * (1 - smoothing) + smoothing / length;
            if (soft !== 0) loss += soft * (normaliser - output[from + index]!);
          }
        }
        return (loss * length) / output.length;
      };
    case 'binary_crossentropy':
      return (output, stored) => {
        const target = dense(output, stored);
        let loss = 0;
        for (let index = 0; index < output.length; index++) {
          const z = output[index]!;
          const y = target[index]! * (1 - smoothing) + smoothing / 2;
          loss += Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)));
        }
        return loss / output.length;
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

/** log Σ exp(z) of so many logits from this place on, without overflow. */
function logSumExp(logits: Numbers, from: number, length: number): number {
  let top = logits[from]!;
  for (let at = from + 1; at < from + length; at++) if (logits[at]! > top) top = logits[at]!;
  let sum = 0;
  for (let at = from; at < from + length; at++) sum += Math.exp(logits[at]! - top);
  return top + Math.log(sum);
}
