/** What is known of a stored data set; the form in which the ledger keeps it and the API shows it. */
import Type, { type Static } from 'typebox';
import { choice, nullable, strictObject } from '../schema.ts';

export const DataType = choice(['uint8', 'int32', 'float32'], { description: 'Little-endian, row-major.' });
export type DataType = Static<typeof DataType>;

export const Splits = strictObject({
  train: Type.Integer({ minimum: 0 }),
  selection: Type.Integer({ minimum: 0, description: 'Held out for choices: early stopping, search, best checkpoint.' }),
  test: Type.Integer({ minimum: 0, description: 'Looked at once, for the receipt.' }),
});
export type Splits = Static<typeof Splits>;
export type SplitName = keyof Splits;

/** What data can be uploaded as. */
export const DATASET_FORMATS = ['idx', 'npz', 'csv', 'images'] as const;

export const DatasetFacts = strictObject({
  format: choice([...DATASET_FORMATS]),
  x: strictObject({
    dtype: DataType,
    shape: Type.Array(Type.Integer({ minimum: 1 }), { description: 'Of one sample.' }),
    min: Type.Number(),
    max: Type.Number(),
    scale: Type.Number({ description: 'What the service multiplies stored values by before a model sees them.' }),
    standardize: Type.Optional(
      choice(['global', 'channel', 'feature'], {
        description:
          'Present where a model sees (stored · scale − mean) / std: one mean for all numbers, one for each channel (the last axis), or one for each element of a sample.',
      }),
    ),
    mean: Type.Optional(Type.Array(Type.Number(), { description: 'Of stored · scale over the training split.' })),
    std: Type.Optional(
      Type.Array(Type.Number({ exclusiveMinimum: 0 }), {
        description: 'The population standard deviation of stored · scale over the training split; 1 where that is 0.',
      }),
    ),
    columns: Type.Optional(Type.Array(Type.String(), { description: 'CSV: the names of the features, in order.' })),
  }),
  y: nullable(
    strictObject({
      dtype: DataType,
      shape: Type.Array(Type.Integer({ minimum: 1 }), { description: 'Of one sample; empty for a single number.' }),
      min: Type.Number(),
      max: Type.Number(),
      classes: nullable(Type.Integer({ minimum: 1, description: 'How many, where labels are whole numbers from 0.' })),
      whole: Type.Optional(
        Type.Boolean({
          description:
            'Whether every number is a whole one, of y with axes whose rows are not classes: such may be a class for each position. Absent for any other y.',
        }),
      ),
      class_names: Type.Optional(Type.Array(Type.String())),
      counts: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { description: 'Samples of each class, all splits together.' })),
    }),
  ),
  weights: Type.Optional(
    strictObject(
      { min: Type.Number({ minimum: 0 }), max: Type.Number({ exclusiveMinimum: 0 }), mean: Type.Number({ exclusiveMinimum: 0 }) },
      { description: 'Sample weights, over the training split, or all samples without one. Absent where every sample counts the same.' },
    ),
  ),
  samples: Type.Integer({ minimum: 1 }),
  splits: Splits,
  test_given: Type.Boolean({ description: 'Whether the caller named the test samples, rather than letting the service draw them.' }),
});
export type DatasetFacts = Static<typeof DatasetFacts>;

/** Where the bytes of a stored data set lie. All files cover all samples in upload order; `order` says which belong to which split. */
export interface DatasetFiles {
  /** Samples × `x.shape`, of `x.dtype`. */
  x: string;
  /** Bytes of that file before the first sample; none where it is left out. */
  x_start?: number;
  /** Samples × `y.shape`, of `y.dtype`. */
  y: string | null;
  /** Samples, float32: their weights. Null, or left out for data sets stored before there were weights, where every sample counts the same. */
  w?: string | null;
  /** uint32 sample numbers: all of train, then selection, then test. */
  order: string;
}
