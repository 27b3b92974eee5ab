import Type, { type Static } from 'typebox';
import { defaulted, strictObject, tagged } from '../../../schema.ts';

const coefficient = (value: number) => defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), value);

export const Regularization = tagged(
  [
    strictObject(
      { type: Type.Literal('l1_scale'), coefficient: coefficient(1e-4) },
      { description: 'coefficient · Σ|γ| over the scales of batch normalisations (Liu 2017); best cut by batchnorm_scale.' },
    ),
    strictObject(
      { type: Type.Literal('group_lasso'), coefficient: coefficient(1e-4) },
      { description: 'coefficient · Σ‖w‖₂ over the output units of the kernels that may be cut (Wen 2016).' },
    ),
    strictObject(
      {
        type: Type.Literal('growing_l2'),
        increase: coefficient(1e-4),
        every_steps: defaulted(Type.Integer({ minimum: 1, maximum: 1_000_000 }), 10),
        ceiling: coefficient(1),
      },
      {
        description:
          'λ/2 · Σw² over what the smallest weights or units are when training begins, as many as the target removes; λ grows by increase every so many steps up to its ceiling (Wang 2021).',
      },
    ),
  ],
  'A penalty that is minimised along with the loss until the last cut is made; its value is in the series `step`. It needs training before that cut.',
);
export type Regularization = Static<typeof Regularization>;
