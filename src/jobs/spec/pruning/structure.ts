import Type, { type Static } from 'typebox';
import { defaulted, strictObject, tagged } from '../../../schema.ts';

export const Channels = strictObject(
  {
    type: Type.Literal('channels'),
    round_to: defaulted(Type.Integer({ minimum: 1, maximum: 1024 }), 1),
    min_channels: defaulted(Type.Integer({ minimum: 1, maximum: 65_536 }), 1),
    max_ratio: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Largest fraction of a group that may go.' }), 0.9),
  },
  { description: 'Whole units and filters are removed: the model gets smaller shapes.' },
);
export type Channels = Static<typeof Channels>;

export const NOfM = strictObject(
  {
    type: Type.Literal('n_m'),
    n: defaulted(Type.Integer({ minimum: 1, maximum: 1023, description: 'Weights kept of every m.' }), 2),
    m: defaulted(Type.Integer({ minimum: 2, maximum: 1024 }), 4),
  },
  {
    description:
      'Of every m consecutive inputs of an output unit n stay, of a convolution in the order height, width, input. The target is the sparsity 1 - n/m.',
  },
);
export type NOfM = Static<typeof NOfM>;

export const Block = strictObject(
  {
    type: Type.Literal('block'),
    rows: defaulted(Type.Integer({ minimum: 1, maximum: 4096, description: 'Consecutive inputs of a block.' }), 4),
    cols: defaulted(Type.Integer({ minimum: 1, maximum: 4096, description: 'Consecutive output units of a block.' }), 4),
  },
  { description: 'Blocks of each kernel as a matrix [inputs, output units] become zero together.' },
);
export type Block = Static<typeof Block>;

export const Depth = strictObject(
  { type: Type.Literal('depth') },
  {
    description:
      'Whole residual blocks are removed: a sum whose branch goes gives its shortcut. Their inputs and outputs must have one shape.',
  },
);
export type Depth = Static<typeof Depth>;

export const LowRank = strictObject(
  {
    type: Type.Literal('low_rank'),
    min_rank: defaulted(Type.Integer({ minimum: 1, maximum: 65_536, description: 'The rank that every factorised kernel keeps.' }), 1),
    round_to: defaulted(Type.Integer({ minimum: 1, maximum: 1024, description: 'Ranks are multiples of this.' }), 1),
  },
  {
    description:
      'Dense layers and convolutions become two thinner layers, by the largest singular values of their kernels. A kernel that would not get smaller stays whole.',
  },
);
export type LowRank = Static<typeof LowRank>;

export const Structure = tagged(
  [
    strictObject({ type: Type.Literal('unstructured') }, { description: 'Single weights become zero.' }),
    NOfM,
    Block,
    Channels,
    Depth,
    LowRank,
  ],
  'What is removed.',
);
export type Structure = Static<typeof Structure>;

/** Structures that make zeros of weights; the others leave a model of other shapes. */
export const ZEROS = ['unstructured', 'n_m', 'block'] as const;
export type WeightStructure = Extract<Structure, { type: (typeof ZEROS)[number] }>;

export function makesZeros(structure: Structure): structure is WeightStructure {
  return (ZEROS as readonly string[]).includes(structure.type);
}
