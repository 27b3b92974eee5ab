import Type, { type Static } from 'typebox';
import { defaulted, strictObject, tagged } from '../../../schema.ts';

const calibration_batches = defaulted(
  Type.Integer({ minimum: 1, maximum: 10_000, description: 'Batches of the training split that the gradients are taken on.' }),
  16,
);
const calibration_batch_size = defaulted(Type.Integer({ minimum: 1, maximum: 4096 }), 64);

export const Criterion = tagged(
  [
    strictObject({
      type: Type.Literal('magnitude'),
      p: defaulted(Type.Unsafe<1 | 2>({ type: 'integer', enum: [1, 2] }), 2),
    }),
    strictObject({ type: Type.Literal('gradient'), calibration_batches, calibration_batch_size }),
    strictObject({ type: Type.Literal('taylor'), calibration_batches, calibration_batch_size }),
    strictObject({ type: Type.Literal('random') }),
  ],
  'What a weight or a unit is worth; the lowest goes first.',
);
export type Criterion = Static<typeof Criterion>;
