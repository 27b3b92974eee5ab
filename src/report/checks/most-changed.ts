/** The samples on which two models differ most. */
import type { PairedClasses, PairedSamples } from './paired-samples.ts';

/** What a model decides, and the probability that it gives that class. */
export interface Decision {
  class: number;
  confidence: number;
}

export interface ChangedInput {
  /** The sample's number in the data set as it was uploaded, from 0. */
  sample: number;
  label: number;
  /** Kullback-Leibler divergence of the result's probabilities from the original's, in nats. */
  divergence: number;
  original: Decision;
  result: Decision;
  /** PNGs as data URIs, at most 32 pixels a side; null where samples are no images, and the maps where `robustness` did not ask for them. */
  picture: string | null;
  /** Where each model looks for what it decides: |gradient · input| of that class's logit, white the most. */
  saliency: { original: string; result: string } | null;
}

const MOST = 6;

/** A sample by its place in the test split. */
export type ChangedPlace = Omit<ChangedInput, 'sample' | 'picture' | 'saliency'> & { at: number };

/** Those that differ at all, the most first. Empty where outputs are no probabilities of one class. */
export function mostChanged(paired: PairedSamples): ChangedPlace[] {
  if (paired.kind !== 'classes' || !paired.probabilities) return [];
  const { divergence } = paired;
  const places = [...divergence.keys()].filter((at) => divergence[at]! > 0);
  return places
    .sort((one, other) => divergence[other]! - divergence[one]! || one - other)
    .slice(0, MOST)
    .map((at) => ({
      at,
      label: paired.labels[at]!,
      divergence: divergence[at]!,
      original: decision(paired.original, at),
      result: decision(paired.result, at),
    }));
}

function decision({ decided, confidence }: PairedClasses['original'], at: number): Decision {
  return { class: decided[at]!, confidence: confidence[at]! };
}
