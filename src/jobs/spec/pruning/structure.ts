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

export const Structure = tagged(
  [strictObject({ type: Type.Literal('unstructured') }, { description: 'Single weights become zero.' }), NOfM, Block, Channels],
  'What is removed.',
);
export type Structure = Static<typeof Structure>;
