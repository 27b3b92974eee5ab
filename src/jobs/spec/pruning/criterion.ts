import Type, { type Static } from 'typebox';
import { defaulted, strictObject, tagged } from '../../../schema.ts';

const batches = (by: number) =>
  defaulted(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Batches of the training split that the statistics are taken on; their memory does not depend on it.',
    }),
    by,
  );
const batchSize = (by: number, description = 'Samples of a calibration batch.') =>
  defaulted(Type.Integer({ minimum: 1, maximum: 4096, description }), by);
const calibrated = { calibration_batches: batches(16), calibration_batch_size: batchSize(64) };
const plain = <const Name extends string>(type: Name, description: string) => strictObject({ type: Type.Literal(type) }, { description });
const onData = <const Name extends string>(type: Name, description: string) =>
  strictObject({ type: Type.Literal(type), ...calibrated }, { description });

export const Criterion = tagged(
  [
    strictObject(
      {
        type: Type.Literal('magnitude'),
        p: defaulted(Type.Unsafe<1 | 2>({ type: 'integer', enum: [1, 2] }), 2),
      },
      { description: '|w|^p; of a unit the sum over its kernel slices (Han 2015; Li 2017).' },
    ),
    plain('lamp', 'w² over the sum of v² of all v of its layer with v² >= w² (Lee 2021). Unstructured and global.'),
    plain('fpgm', 'Of a unit: the sum of the distances of its filter to the other filters of its group (He 2019).'),
    plain('batchnorm_scale', 'Of a unit: |gamma| of the batch normalisation behind it (Liu 2017).'),
    onData('activation_mean', 'Of a unit: the mean of its absolute activation behind the nonlinearity (Molchanov 2017).'),
    onData('activation_variance', 'Of a unit: the variance of its activation behind the nonlinearity.'),
    onData('apoz', 'Of a unit: the fraction of exact zeros of its activation, of which the highest go (Hu 2016).'),
    onData('reconstruction', 'Units that least disturb what reads them, greedily, then a least-squares rescale (Luo 2017, ThiNet).'),
    onData('wanda', '|w| times the norm of its input, compared within each output unit (Sun 2023).'),
    onData('input_activity', 'Of a unit: its norm as its readers see it, times the norm of the weights that read it.'),
    onData('gradient', 'The mean over batches of the absolute loss gradient; of a unit, of its gate.'),
    onData('taylor', 'The mean over batches of (g·w)²; of a unit, of the squared gradient of its gate (Molchanov 2019).'),
    onData('snip', 'The mean of |g·w|, of all together 1; of a unit the absolute mean gradient of its gate (Lee 2019).'),
    strictObject(
      {
        type: Type.Literal('fisher'),
        calibration_batches: batches(128),
        calibration_batch_size: batchSize(
          8,
          'Samples of a batch. Of single weights g is the gradient of a batch, so that small ones are better.',
        ),
      },
      { description: '½·mean(g²)·w²; of a unit the sum over samples of its gate gradient squared, over 2N (LeCun 1990; Theis 2018).' },
    ),
    onData('grasp', 'w·(Hg), the change of the gradient flow that keeping the weight spares (Wang 2020).'),
    strictObject(
      { type: Type.Literal('synflow'), iterations: defaulted(Type.Integer({ minimum: 1, maximum: 1000 }), 100) },
      {
        description:
          'w·∂R/∂w of the network of absolute weights, scored anew after each of `iterations` cuts; takes no data (Tanaka 2020).',
      },
    ),
    onData('sparsegpt', 'w²/U_jj² of each layer’s input Hessian, with the update that makes up for what goes (Frantar 2023).'),
    strictObject(
      {
        type: Type.Literal('woodfisher'),
        calibration_batches: batches(256),
        calibration_batch_size: batchSize(8, 'Samples whose mean gradient is one term of the Fisher matrix.'),
        block_size: defaulted(
          Type.Integer({
            minimum: 1,
            maximum: 512,
            description: 'Weights of a diagonal block of the Fisher matrix; memory grows with it.',
          }),
          50,
        ),
      },
      { description: 'w²/(2[F⁻¹]_jj) by a block-diagonal empirical Fisher, with the update that makes up for what goes (Singh 2020).' },
    ),
    plain('movement', '-Σ lr·(∂L/∂ŵ)·w over the steps of training: high where weights move away from 0, masked ones included (Sanh 2020).'),
    plain('random', 'Uniform and seeded: the baseline of every comparison.'),
    plain('planned', 'Nothing is scored: `plan` says what goes. Only beside one.'),
  ],
  'What a weight or a unit is worth; the lowest goes first. docs/pruning.md has the formulas, and which structures and scopes each takes.',
);
export type Criterion = Static<typeof Criterion>;
