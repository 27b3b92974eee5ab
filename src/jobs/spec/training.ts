import Type, { type Static } from 'typebox';
import { choice, defaulted, nullable, strictObject, tagged } from '../../schema.ts';

const rate = (value: number) => defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), value);
const decay = (value: number) => defaulted(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), value);
const epsilon = (value: number) => defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), value);

/** Defaults and update rules are Keras 3's. */
export const Optimizer = tagged(
  [
    strictObject({ type: Type.Literal('auto') }, { description: "The optimizer of the model's compile_config; Adam where it has none." }),
    strictObject({
      type: Type.Literal('sgd'),
      learning_rate: rate(0.01),
      momentum: decay(0),
      nesterov: defaulted(Type.Boolean(), false),
    }),
    strictObject({
      type: Type.Literal('adam'),
      learning_rate: rate(0.001),
      beta_1: decay(0.9),
      beta_2: decay(0.999),
      epsilon: epsilon(1e-7),
    }),
    strictObject({
      type: Type.Literal('adamw'),
      learning_rate: rate(0.001),
      beta_1: decay(0.9),
      beta_2: decay(0.999),
      epsilon: epsilon(1e-7),
      weight_decay: defaulted(Type.Number({ minimum: 0, maximum: 1 }), 0.004),
    }),
    strictObject({
      type: Type.Literal('rmsprop'),
      learning_rate: rate(0.001),
      rho: decay(0.9),
      momentum: decay(0),
      epsilon: epsilon(1e-7),
    }),
  ],
  'The optimizer, with Keras 3 defaults and semantics. AdamW decays neither biases nor normalisation parameters.',
);
export type Optimizer = Static<typeof Optimizer>;

export const LearningRateSchedule = tagged(
  [
    strictObject({ type: Type.Literal('constant'), warmup_steps: defaulted(Type.Integer({ minimum: 0, maximum: 1_000_000 }), 0) }),
    strictObject({
      type: Type.Literal('cosine'),
      warmup_steps: defaulted(Type.Integer({ minimum: 0, maximum: 1_000_000 }), 0),
      final_fraction: defaulted(Type.Number({ minimum: 0, maximum: 1 }), 0),
    }),
  ],
  'How the learning rate moves over all steps of the job: linear warm-up from 0, then constant or a half cosine down to final_fraction of it.',
);
export type LearningRateSchedule = Static<typeof LearningRateSchedule>;

export const Clipping = tagged(
  [
    strictObject({ type: Type.Literal('none') }, { description: 'Gradients untouched, norms still recorded.' }),
    strictObject({ type: Type.Literal('value'), clip_value: Type.Number({ exclusiveMinimum: 0 }) }),
    strictObject({ type: Type.Literal('norm'), max_norm: Type.Number({ exclusiveMinimum: 0 }) }),
    strictObject({ type: Type.Literal('global_norm'), max_norm: Type.Number({ exclusiveMinimum: 0 }) }),
  ],
  'Gradient clipping: every element (value), every tensor (norm) or all tensors together (global_norm).',
);
export type Clipping = Static<typeof Clipping>;

export const LossName = choice(
  [
    'auto',
    'sparse_categorical_crossentropy',
    'categorical_crossentropy',
    'binary_crossentropy',
    'mean_squared_error',
    'mean_absolute_error',
    'huber',
  ],
  {
    description:
      "auto: the loss of the model's compile_config, else cross-entropy for class labels and mean squared error for numbers. Whether a cross-entropy gets logits or probabilities is read off the last activation.",
  },
);
export type LossName = Static<typeof LossName>;

export const Training = strictObject({
  epochs: defaulted(Type.Integer({ minimum: 0, maximum: 100_000 }), 10),
  batch_size: defaulted(Type.Integer({ minimum: 1, maximum: 65_536 }), 128),
  loss: defaulted(LossName, 'auto'),
  optimizer: defaulted(Optimizer, { type: 'auto' }),
  learning_rate_schedule: defaulted(LearningRateSchedule, { type: 'constant', warmup_steps: 0 }),
  clipping: defaulted(Clipping, { type: 'none' }),
  weight_range: defaulted(
    nullable(
      Type.Unsafe<[number, number]>({
        type: 'array',
        items: { type: 'number' },
        minItems: 2,
        maxItems: 2,
        description: '[low, high]: every kernel weight is clamped after each update; biases and normalisation parameters are left out.',
      }),
    ),
    null,
  ),
  on_non_finite: defaulted(
    choice(['fail', 'skip_step'], {
      description: 'What a NaN or infinite gradient does: end the job, or leave that update out and count it.',
    }),
    'fail',
  ),
});
export type Training = Static<typeof Training>;
