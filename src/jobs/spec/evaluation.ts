/** What is measured on the result beside the original, and what it may not exceed. */
import Type, { type Static } from 'typebox';
import { choice, defaulted, nullable, strictObject } from '../../schema.ts';

const fraction = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 1, description }));

export const Thresholds = strictObject(
  {
    max_accuracy_drop: fraction(
      'By how much the accuracy may fall; 0.01 is a point. Of an original that gets no decision right nothing is measured, which fails.',
    ),
    max_loss_increase: Type.Optional(Type.Number({ description: 'By how much the mean loss may grow.' })),
    max_flip_rate: fraction('What fraction of decisions may be others: of samples, or where a sample has several of all of them.'),
    max_negative_flip_rate: fraction('What fraction of decisions may be wrong now that were right before.'),
    max_class_recall_drop: fraction('By how much the recall of any class may fall.'),
    max_ece_increase: fraction('By how much the expected calibration error may grow.'),
    max_divergence: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'How far the result’s probabilities may be from the original’s: mean Kullback-Leibler divergence, in nats.',
      }),
    ),
    max_robust_accuracy_drop: fraction(
      'By how much the accuracy under any attack of `robustness` may fall, each model attacked by its own gradients; 0.01 is a point.',
    ),
    max_corrupted_accuracy_drop: fraction('By how much the mean accuracy over the corruptions of `robustness` may fall.'),
    min_saliency_agreement: fraction(
      'How far from the noise floor towards the original’s own saliency maps the result’s must be: 0 is a last layer drawn anew, 1 the original.',
    ),
  },
  {
    title: 'Thresholds',
    description:
      'Each is held against what is measured on the test split; `result.checks` says passed or failed, and why. Also where they fail, the job succeeds.',
  },
);
export type Thresholds = Static<typeof Thresholds>;

export const ATTACKS = ['fgsm', 'pgd'] as const;
export type Attack = (typeof ATTACKS)[number];

export const CORRUPTIONS = ['gaussian_noise', 'blur', 'shift', 'contrast'] as const;
export type Corruption = (typeof CORRUPTIONS)[number];

const some = <const Names extends readonly string[]>(names: Names, description: string) =>
  defaulted(
    Type.Array(choice([...names]) as ReturnType<typeof choice<Names[number][]>>, {
      uniqueItems: true,
      maxItems: names.length,
      description,
    }),
    [...names],
  );

export const SaliencySmoothing = strictObject(
  {
    samples: defaulted(
      Type.Integer({ minimum: 2, maximum: 100, description: 'Noisy copies of each input, whose gradients are averaged.' }),
      25,
    ),
    deviation: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Of the noise, of the range of pixels.' }), 0.1),
  },
  { title: 'SaliencySmoothing', description: 'SmoothGrad (Smilkov 2017).' },
);
export type SaliencySmoothing = Static<typeof SaliencySmoothing>;

export const Robustness = strictObject(
  {
    inputs: defaulted(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'Samples of the test split, drawn by the seed; all where it has fewer.' }),
      1000,
    ),
    attacks: some(ATTACKS, 'FGSM is one step, PGD several from a random start, both in the L∞ norm and on logits.'),
    epsilons: defaulted(
      nullable(
        Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), {
          minItems: 1,
          maxItems: 8,
          uniqueItems: true,
          description:
            'How far attacks may move each pixel, as fractions of the range of pixel values (0 to 255, or 0 to 1), before any standardisation. null: 0.1, 0.2, 0.3 for images of one channel, 2/255, 4/255, 8/255 for others.',
        }),
      ),
      null,
    ),
    pgd_steps: defaulted(Type.Integer({ minimum: 1, maximum: 200, description: 'Each step is 2.5 · epsilon / pgd_steps.' }), 40),
    corruptions: some(CORRUPTIONS, 'Each in the severities 1 to 5.'),
    saliency_inputs: defaulted(
      Type.Integer({
        minimum: 0,
        maximum: 2000,
        description: 'Of how many of the inputs saliency maps are compared; 0 leaves them out.',
      }),
      200,
    ),
    saliency_smoothing: defaulted(nullable(SaliencySmoothing), null),
  },
  {
    title: 'Robustness',
    description: 'What both models do on test images that are attacked or corrupted, and whether they look at the same pixels.',
  },
);
export type Robustness = Static<typeof Robustness>;

export const Evaluation = strictObject({
  latency_batch_size: defaulted(
    Type.Integer({
      minimum: 1,
      maximum: 4096,
      description: 'The larger of the two batch sizes at which latency is measured; the other is 1.',
    }),
    64,
  ),
  max_accuracy_drop: defaulted(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'How much accuracy the lower end of the paired 95 % interval may have lost for the result to be as accurate; 0.005 is half a point.',
    }),
    0.005,
  ),
  thresholds: defaulted(nullable(Thresholds), null),
  robustness: defaulted(
    Type.Union([Type.Literal(true, { description: 'With every default.' }), Robustness, Type.Null()], {
      description:
        'For images, and models that decide for one class a sample; of those that predict one number a sample only saliency maps, which true then stands for.',
    }),
    null,
  ),
});
export type Evaluation = Static<typeof Evaluation>;
