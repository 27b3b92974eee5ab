import Type, { type Static } from 'typebox';
import { choice, defaulted, nullable, strictObject, tagged } from '../../schema.ts';
import { Augmentation } from './augmentation.ts';
import { Distillation } from './distillation.ts';

const rate = (value: number) => defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1000 }), value);
const decay = (value: number) => defaulted(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), value);
const epsilon = (value: number) => defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), value);
const steps = (value: number, minimum = 0) => defaulted(Type.Integer({ minimum, maximum: 100_000_000 }), value);
const weight_decay = (value: number) =>
  defaulted(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'Decoupled: before each update w becomes w·(1 - learning rate·weight_decay), for kernels unless weight_decay_on says all.',
    }),
    value,
  );
const weight_decay_on = defaulted(
  choice(['kernels', 'all'], { description: 'Whether biases and normalisation parameters decay as well; Keras decays all.' }),
  'kernels',
);

/** Defaults and update rules are Keras 3's. */
export const Optimizer = tagged(
  [
    strictObject(
      { type: Type.Literal('auto') },
      { description: "The optimizer of the model's compile_config with its options; Adam where it has none." },
    ),
    strictObject({
      type: Type.Literal('sgd'),
      learning_rate: rate(0.01),
      momentum: decay(0),
      nesterov: defaulted(Type.Boolean(), false),
      weight_decay: weight_decay(0),
      weight_decay_on,
    }),
    strictObject({
      type: Type.Literal('adam'),
      learning_rate: rate(0.001),
      beta_1: decay(0.9),
      beta_2: decay(0.999),
      epsilon: epsilon(1e-7),
      weight_decay: weight_decay(0),
      weight_decay_on,
    }),
    strictObject({
      type: Type.Literal('adamw'),
      learning_rate: rate(0.001),
      beta_1: decay(0.9),
      beta_2: decay(0.999),
      epsilon: epsilon(1e-7),
      weight_decay: weight_decay(0.004),
      weight_decay_on,
    }),
    strictObject({
      type: Type.Literal('rmsprop'),
      learning_rate: rate(0.001),
      rho: decay(0.9),
      momentum: decay(0),
      epsilon: epsilon(1e-7),
      weight_decay: weight_decay(0),
      weight_decay_on,
    }),
    strictObject({
      type: Type.Literal('adagrad'),
      learning_rate: rate(0.001),
      initial_accumulator_value: defaulted(Type.Number({ minimum: 0, maximum: 1000 }), 0.1),
      epsilon: epsilon(1e-7),
      weight_decay: weight_decay(0),
      weight_decay_on,
    }),
    strictObject({
      type: Type.Literal('lion'),
      learning_rate: rate(0.001),
      beta_1: decay(0.9),
      beta_2: decay(0.99),
      weight_decay: weight_decay(0),
      weight_decay_on,
    }),
  ],
  'The optimizer, with Keras 3 defaults and semantics. Weight decay leaves biases and normalisation parameters out unless asked for.',
);
export type Optimizer = Static<typeof Optimizer>;

const warmup_steps = steps(0);
const final_fraction = (value: number) =>
  defaulted(Type.Number({ minimum: 0, maximum: 1, description: 'Of the learning rate, at the last step.' }), value);

export const LearningRateSchedule = tagged(
  [
    strictObject({ type: Type.Literal('constant'), warmup_steps }),
    strictObject({ type: Type.Literal('cosine'), warmup_steps, final_fraction: final_fraction(0) }, { description: 'Half a cosine down.' }),
    strictObject(
      {
        type: Type.Literal('step'),
        warmup_steps,
        milestones: Type.Array(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), {
          minItems: 1,
          maxItems: 100,
          description: 'Where the rate drops, as fractions of all steps, ascending.',
        }),
        factor: defaulted(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), 0.1),
      },
      { description: 'Multiplied by factor at each milestone.' },
    ),
    strictObject(
      {
        type: Type.Literal('polynomial'),
        warmup_steps,
        power: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 10 }), 1),
        final_fraction: final_fraction(0),
      },
      { description: 'Falls with a power of the remaining time; 1 is linear.' },
    ),
    strictObject(
      {
        type: Type.Literal('exponential'),
        warmup_steps,
        decay_rate: defaulted(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), 0.96),
        decay_steps: steps(1000, 1),
        staircase: defaulted(Type.Boolean(), false),
      },
      { description: 'decay_rate to the power of step / decay_steps.' },
    ),
    strictObject(
      {
        type: Type.Literal('one_cycle'),
        rise: defaulted(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), 0.3),
        initial_division: defaulted(Type.Number({ minimum: 1, maximum: 1e6 }), 25),
        final_division: defaulted(Type.Number({ minimum: 1, maximum: 1e9 }), 10_000),
      },
      {
        description:
          'By half cosines from learning_rate / initial_division up to learning_rate over the fraction rise of all steps, then down to the initial rate / final_division (Smith 2018).',
      },
    ),
  ],
  'How the learning rate moves over all steps of the job. A warm-up rises linearly from 0 before the schedule begins.',
);
export type LearningRateSchedule = Static<typeof LearningRateSchedule>;

export const ThresholdWarmup = strictObject(
  {
    steps: Type.Integer({ minimum: 1, maximum: 100_000_000 }),
    from: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1e6 }), 10),
  },
  { description: 'Thresholds begin at `from` times their value and reach it linearly after `steps` steps.' },
);
export type ThresholdWarmup = Static<typeof ThresholdWarmup>;

const warmup = defaulted(nullable(ThresholdWarmup), null);
const positive = Type.Number({ exclusiveMinimum: 0 });
const groups = defaulted(
  Type.Array(
    strictObject({
      layers: Type.String({ minLength: 1, maxLength: 512, description: 'A layer or layer/weight; * stands for any characters.' }),
      threshold: positive,
    }),
    { maxItems: 64, description: 'Weights with a threshold of their own, instead of the rule’s; the first pattern that fits counts.' },
  ),
  [],
);

export const Clipping = tagged(
  [
    strictObject(
      { type: Type.Literal('auto') },
      { description: "What the model's compile_config clips by (clipnorm, clipvalue, global_clipnorm); else none." },
    ),
    strictObject({ type: Type.Literal('none') }, { description: 'Gradients untouched, norms still recorded.' }),
    strictObject(
      { type: Type.Literal('value'), clip_value: positive, warmup, groups },
      { description: 'Every element is clamped to [-clip_value, clip_value] (Keras clipvalue).' },
    ),
    strictObject(
      { type: Type.Literal('norm'), max_norm: positive, warmup, groups },
      { description: 'Each tensor is scaled down to a norm of max_norm (Keras clipnorm).' },
    ),
    strictObject(
      {
        type: Type.Literal('global_norm'),
        max_norm: Type.Unsafe<number | 'auto'>({
          anyOf: [positive, { type: 'string', enum: ['auto'] }],
          description:
            'auto: the 90th percentile of the norms of probe_steps unclipped training steps, which are taken back before training begins.',
        }),
        probe_steps: defaulted(Type.Integer({ minimum: 10, maximum: 10_000 }), 100),
        warmup,
        groups,
      },
      { description: 'All tensors together are scaled down to a norm of max_norm (Keras global_clipnorm).' },
    ),
    strictObject(
      {
        type: Type.Literal('agc'),
        clip_factor: defaulted(positive, 0.01),
        epsilon: defaulted(positive, 1e-3),
        include_output: defaulted(Type.Boolean(), false),
        warmup,
        groups,
      },
      { description: "Each output unit's gradient is scaled down to clip_factor times the norm of its weights (Brock 2021)." },
    ),
    strictObject(
      {
        type: Type.Literal('autoclip'),
        percentile: defaulted(Type.Number({ minimum: 0, maximum: 100 }), 10),
        history: defaulted(Type.Integer({ minimum: 2, maximum: 10_000 }), 10_000),
      },
      {
        description:
          'global_norm whose threshold is a percentile of the norms so far (Seetharaman 2020). It binds on most steps by design.',
      },
    ),
    strictObject(
      {
        type: Type.Literal('zclip'),
        z_threshold: defaulted(positive, 2.5),
        alpha: defaulted(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), 0.97),
        warmup_steps: defaulted(Type.Integer({ minimum: 2, maximum: 100_000 }), 25),
        max_norm: defaulted(nullable(positive), 1),
      },
      { description: 'global_norm that clips spikes by the z-score of the norm (ZClip 2025), with a bound of max_norm on top.' },
    ),
  ],
  'Gradient clipping.',
);
export type Clipping = Static<typeof Clipping>;
export type ClippingOf<Kind extends Clipping['type']> = Extract<Clipping, { type: Kind }>;

export const LossName = choice(
  [
    'auto',
    'sparse_categorical_crossentropy',
    'categorical_crossentropy',
    'binary_crossentropy',
    'mean_squared_error',
    'mean_absolute_error',
    'huber',
    'cosine_similarity',
    'kl_divergence',
  ],
  {
    description:
      "auto: the loss of the model's compile_config, else cross-entropy for class labels and mean squared error for numbers. Whether a cross-entropy gets logits or probabilities is read off the last activation.",
  },
);
export type LossName = Static<typeof LossName>;

export const METRIC_NAMES = ['accuracy', 'top_k_accuracy', 'auc', 'f1', 'mean_absolute_error', 'root_mean_squared_error', 'r2'] as const;
export type MetricName = (typeof METRIC_NAMES)[number];

export const MONITORED = [
  'val_loss',
  'val_accuracy',
  'val_top_k_accuracy',
  'val_auc',
  'val_f1',
  'val_mean_absolute_error',
  'val_root_mean_squared_error',
  'val_r2',
  'loss',
] as const;
const monitored = choice([...MONITORED]);
export type Monitored = (typeof MONITORED)[number];

export const EarlyStopping = strictObject(
  {
    metric: defaulted(monitored, 'val_loss'),
    patience: defaulted(
      Type.Integer({ minimum: 0, maximum: 100_000, description: 'Evaluations without an improvement before training ends.' }),
      3,
    ),
    min_delta: defaulted(
      Type.Number({
        minimum: 0,
        description: 'A change must exceed this to count as an improvement, also for restore_best by the same metric.',
      }),
      0,
    ),
    start_epoch: defaulted(Type.Integer({ minimum: 0, maximum: 100_000, description: 'Epochs before it counts.' }), 0),
  },
  { description: 'Ends training when the metric, measured on the selection split after each epoch, no longer improves.' },
);
export type EarlyStopping = Static<typeof EarlyStopping>;

export const Training = strictObject({
  epochs: defaulted(Type.Integer({ minimum: 0, maximum: 100_000 }), 10),
  max_steps: defaulted(
    nullable(
      Type.Integer({ minimum: 1, maximum: 100_000_000, description: 'Training ends after so many steps, if the epochs have more.' }),
    ),
    null,
  ),
  batch_size: defaulted(Type.Integer({ minimum: 1, maximum: 65_536 }), 128),
  micro_batch_size: defaulted(
    nullable(
      Type.Integer({
        minimum: 1,
        maximum: 65_536,
        description:
          'A batch is computed in parts of so many samples whose gradients add up before they are clipped; for batches that do not fit in memory.',
      }),
    ),
    null,
  ),
  loss: defaulted(LossName, 'auto'),
  label_smoothing: defaulted(
    Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'Of cross-entropies: targets become y·(1 - s) + s / classes.' }),
    0,
  ),
  huber_delta: defaulted(Type.Number({ exclusiveMinimum: 0 }), 1),
  class_weights: defaulted(
    Type.Unsafe<null | 'balanced' | Record<string, number>>({
      anyOf: [
        { type: 'null' },
        { type: 'string', enum: ['balanced'] },
        {
          type: 'object',
          minProperties: 1,
          maxProperties: 10_000,
          propertyNames: { pattern: '^\\d{1,6}$' },
          additionalProperties: { type: 'number', minimum: 0 },
        },
      ],
      description:
        'What the loss of a sample is multiplied by, by its class number; classes left out have 1. balanced: samples / (classes · samples of the class), over all samples.',
    }),
    null,
  ),
  sample_weights: defaulted(
    Type.Boolean({ description: "Whether the data set's sample weights multiply the losses, where it has some." }),
    true,
  ),
  optimizer: defaulted(Optimizer, { type: 'auto' }),
  learning_rate_schedule: defaulted(LearningRateSchedule, { type: 'constant', warmup_steps: 0 }),
  ema: defaulted(
    nullable(
      strictObject(
        { momentum: defaulted(Type.Number({ minimum: 0, exclusiveMaximum: 1 }), 0.99) },
        {
          description:
            'An exponential moving average of the weights, which is what is evaluated and exported: average = momentum·average + (1 - momentum)·weight after each step (Keras use_ema).',
        },
      ),
    ),
    null,
  ),
  clipping: defaulted(Clipping, { type: 'auto' }),
  weight_range: defaulted(
    nullable(
      Type.Unsafe<[number, number]>({
        type: 'array',
        items: { type: 'number' },
        minItems: 2,
        maxItems: 2,
        description:
          '[low, high]: every kernel weight is clamped after each update; biases and normalisation parameters only where weight_range_also names them.',
      }),
    ),
    null,
  ),
  weight_range_also: defaulted(
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      maxItems: 64,
      description: 'Further weights that weight_range clamps: layer/weight, * for any characters.',
    }),
    [],
  ),
  keep_zeros: defaulted(
    Type.Boolean({ description: 'Whether kernel weights that are exactly 0 before training stay 0, as those of a pruned model should.' }),
    true,
  ),
  optimizer_state: defaulted(
    choice(['auto', 'export', 'drop'], {
      description:
        "Whether the exported file carries the optimizer's state, with which Keras goes on training. auto: export for train jobs; drop where the model is to be small.",
    }),
    'auto',
  ),
  initial_optimizer_state: defaulted(
    choice(['fresh', 'model'], {
      description: 'model: go on from the state in the uploaded file, of the same optimizer, at the step it was saved at.',
    }),
    'fresh',
  ),
  on_non_finite: defaulted(
    choice(['fail', 'skip_step'], {
      description: 'What a NaN or infinite gradient does: end the job, or leave that update out and count it.',
    }),
    'fail',
  ),
  augmentation: defaulted(Augmentation, []),
  augmentation_copies: defaulted(
    nullable(
      Type.Integer({
        minimum: 1,
        maximum: 64,
        description:
          'How many changed copies of each training sample are made before training, of which an epoch takes one at random: a teacher is then asked once about each, and steps have nothing left to change. Copies are kept as the data are stored, so that bytes are rounded, and in memory: together with the data set 2 GiB at most. null: samples are changed anew in each step.',
      }),
    ),
    null,
  ),
  distillation: defaulted(nullable(Distillation), null),
  early_stopping: defaulted(nullable(EarlyStopping), null),
  restore_best: defaulted(
    choice(['auto', 'none', ...MONITORED], {
      description:
        'Which metric says what weights are the result: those of the best evaluation, or (none) the last. auto: that of early_stopping, else none.',
    }),
    'auto',
  ),
  metrics: defaulted(
    Type.Unsafe<'auto' | MetricName[]>({
      anyOf: [
        { type: 'string', enum: ['auto'] },
        { type: 'array', items: { type: 'string', enum: [...METRIC_NAMES] }, maxItems: METRIC_NAMES.length, uniqueItems: true },
      ],
      description:
        'What is measured on the selection and test splits besides the loss. auto: accuracy for classes, the fraction of decisions that are right (of several positions or labels a sample the mean, as in Keras); mean absolute error, root mean squared error and R² for numbers.',
    }),
    'auto',
  ),
  top_k: defaulted(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      description:
        'For top_k_accuracy: a decision counts where its class is among so many of the largest outputs, the first of equals first.',
    }),
    5,
  ),
  layer_norms_every: defaulted(
    Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      description: 'Steps between rows of the series layer: norms and update-to-weight ratio of each weight; 0 for none.',
    }),
    100,
  ),
  step: defaulted(
    choice(['auto', 'captured', 'eager'], {
      description:
        'captured: a step is one recorded TensorFlow graph. eager: operation by operation, several times slower. auto: captured, and eager where something cannot be recorded, which the job then says.',
    }),
    'auto',
  ),
});
export type Training = Static<typeof Training>;
