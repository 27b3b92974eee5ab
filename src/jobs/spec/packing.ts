/** How a model's numbers are made fewer and shorter once it is trained, so that its files are small. */
import Type, { type Static } from 'typebox';
import { choice, defaulted, nullable, strictObject } from '../../schema.ts';

/** Values that are not zero, of one kernel. */
const MOST_CLUSTERS = 256;
const Clusters = Type.Integer({ minimum: 1, maximum: MOST_CLUSTERS });
const NAMES = 'Names, or patterns in which * stands for any characters.';

const PackedLayers = strictObject(
  {
    include: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: 10_000,
        description: `Only kernels of these layers are packed. Left out: every kernel. ${NAMES}`,
      }),
    ),
    exclude: defaulted(Type.Array(Type.String(), { maxItems: 10_000, description: NAMES }), []),
    overrides: defaulted(
      Type.Record(Type.String(), strictObject({ clusters: Clusters }), {
        description: 'By name or pattern, the clusters of these layers’ kernels.',
      }),
      {},
    ),
  },
  { description: 'Which layers are packed. What is stored names each layer: patterns are replaced by what they fit.' },
);
export type PackedLayers = Static<typeof PackedLayers>;

const Fraction = (minimum: number, description: string) => Type.Number({ minimum, maximum: 1, description });

const Rate = strictObject(
  {
    weight: defaulted(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'λ: how much of the loss a bit is worth. Smaller files for more of it, and larger errors.',
      }),
      5e-5,
    ),
    biases: defaulted(
      Type.Boolean({ description: 'Whether biases become multiples of steps as well. Parameters of normalisations keep their numbers.' }),
      true,
    ),
    ramp: defaulted(Fraction(0, 'Of the steps: over these λ rises from 0.'), 0.4),
    noise: defaulted(
      Fraction(0, 'Of the steps, the first: uniform noise of a step’s width stands for the rounding, and steps keep their lengths.'),
      0.1,
    ),
    commit: defaulted(
      Fraction(
        0,
        'Of the steps, the last: steps are frozen, the learning rate begins its course again, and each update takes weights a part of the way to their multiples.',
      ),
      0.6,
    ),
    pull: defaulted(
      Type.Number({ minimum: 0, maximum: 1, description: 'That part, at the end of the commitment, over which it rises from 0.' }),
      0.001,
    ),
    commit_learning_rate: defaulted(Fraction(0, 'Of the learning rate of the tuning, with which the commitment begins.'), 1),
    every_steps: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Steps after which it is counted anew what the next level of a weight costs.',
      }),
      60,
    ),
    search: defaulted(
      Fraction(
        0,
        'Of the steps, about so many further ones: at the end numbers are changed by one or to zero where the training loss + λ·bits measures lower for it. 0 changes none.',
      ),
      0.1,
    ),
  },
  {
    description:
      'Weights become whole multiples of a step for each tensor, which is learned, and training minimises loss + λ·bits. Bits are those of a code that knows how many zeros layers, units, inputs and places in windows have, so that whole rows and columns go. Of the commitment, the epoch with the lowest training loss + λ·bits is kept; then numbers are changed by one or to zero where that is worth it. Small where the file is `.esp`.',
  },
);
export type Rate = Static<typeof Rate>;

const Tuning = strictObject(
  {
    epochs: defaulted(nullable(Type.Integer({ minimum: 0, maximum: 100_000, description: 'null: 1, and with `rate` 40.' })), null),
    learning_rate: defaulted(
      nullable(
        Type.Number({
          exclusiveMinimum: 0,
          maximum: 1000,
          description:
            'null: a tenth of the training’s, and with `rate` all of it. Its schedule runs its course again, over the epochs of tuning.',
        }),
      ),
      null,
    ),
  },
  {
    description:
      'Training behind the packing, with the other options of the job’s training: shared values take the sum of their members’ gradients (Han 2016); numbers of few bits are seen by the network as they will be stored, and gradients pass straight through the rounding.',
  },
);

export const Packing = strictObject(
  {
    clusters: defaulted(
      nullable(
        Type.Unsafe<number | 'auto'>({
          anyOf: [Clusters, { type: 'string', enum: ['auto'] }],
          description:
            'Values that the weights of a kernel may have besides zero: k-means from values at equal distances between the smallest and the largest weight (Han 2016). auto: from 2 to 256, kernel by kernel, so that the file has at most max_bytes with as little harm as can be foreseen.',
        }),
      ),
      null,
    ),
    max_bytes: defaulted(
      nullable(
        Type.Integer({ minimum: 1, description: 'With clusters auto: what the file of the first of output.formats may have, in bytes.' }),
      ),
      null,
    ),
    quantization: defaulted(
      nullable(
        choice(['int8', 'int4'], {
          description:
            'Kernels on a grid of whole numbers, -127 to 127 or -7 to 7, times a step for each output unit, which is chosen on calibration samples. Files hold the products as floats, `.esp` the numbers.',
        }),
      ),
      null,
    ),
    rate: defaulted(nullable(Rate), null),
    precision: defaulted(
      nullable(
        choice(['float16', 'bfloat16'], {
          description:
            'Every weight is rounded to this type, and files hold two bytes of it; `.h5` and TensorFlow.js, which have no bfloat16, hold the rounded numbers as float32.',
        }),
      ),
      null,
    ),
    layers: defaulted(PackedLayers, { exclude: [], overrides: {} }),
    calibration_samples: defaulted(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Training samples on which it is measured how much the loss minds the change of a weight, by squared gradients.',
      }),
      512,
    ),
    tuning: defaulted(Tuning, { epochs: null, learning_rate: null }),
  },
  { description: 'Fewer and shorter numbers, behind all training and pruning. Zeros stay zero.' },
);
export type Packing = Static<typeof Packing>;

/** Whether it codes weights, which are tuned behind it; rounding to a precision alone is none. */
export function codesWeights({ clusters, quantization, rate }: Packing): boolean {
  return (clusters ?? quantization ?? rate) !== null;
}
