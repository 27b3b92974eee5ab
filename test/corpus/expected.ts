/** What becomes of the corpus' networks: all are right, but for these, each for a reason. */
import type { ProblemCode } from '../../src/errors.ts';
import { type Format, isRight } from './found.ts';

export interface Exception {
  networks: RegExp;
  /** Absent: in every format. */
  formats?: readonly Format[];
  /** A refusal's code, or what is known to be wrong and not mended yet. */
  verdict: ProblemCode | 'wrong';
  why: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  { networks: /^spectral_normalization$/, verdict: 'UNSUPPORTED_LAYER', why: 'SpectralNormalization is not run' },
  { networks: /^(hashing|integer_lookup)$/, verdict: 'UNSUPPORTED_LAYER', why: 'done to data before they are uploaded' },
  { networks: /^(augmenting_RandomCrop|auto_contrast)$/, verdict: 'UNSUPPORTED_LAYER', why: 'done to data before they are uploaded' },
  {
    networks: /^(bicubic|resizing_(cropped|padded))$/,
    verdict: 'UNSUPPORTED_LAYER_OPTION',
    why: 'resizing is bilinear or to the nearest, of the whole image',
  },
  { networks: /^channels_first_dense$/, verdict: 'UNSUPPORTED_LAYER_OPTION', why: 'data_format channels_first' },
  { networks: /^group_norm_first_axis$/, verdict: 'MODEL_UNREADABLE', why: 'groups along another axis than the last' },
  { networks: /^stateful_lstm$/, verdict: 'UNSUPPORTED_LAYER_OPTION', why: 'a state that goes on from batch to batch' },
  { networks: /_lora$/, verdict: 'UNSUPPORTED_LAYER_OPTION', why: 'LoRA weights that are not merged' },
  {
    networks: /^time_distributed_(model|norm)$/,
    verdict: 'MODEL_UNREADABLE',
    why: 'TimeDistributed around a model or a BatchNormalization',
  },
];

/** The exception for a network's file, or null. */
export function exceptionOf(network: string, format: Format): Exception | null {
  return EXCEPTIONS.find(({ networks, formats }) => (formats?.includes(format) ?? true) && networks.test(network)) ?? null;
}

/** Whether a verdict is the one that is expected. */
export function isExpected(network: string, format: Format, verdict: string | null): boolean {
  if (verdict === null) return true;
  const exception = exceptionOf(network, format);
  return exception === null ? isRight(verdict) : verdict === exception.verdict;
}
