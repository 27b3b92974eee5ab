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

export const Structure = tagged(
  [strictObject({ type: Type.Literal('unstructured') }, { description: 'Single weights become zero.' }), Channels],
  'What is removed.',
);
export type Structure = Static<typeof Structure>;
