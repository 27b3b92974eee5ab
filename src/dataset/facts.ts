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

export const DatasetFacts = strictObject({
  format: choice(['idx', 'npz', 'csv']),
  x: strictObject({
    dtype: DataType,
    shape: Type.Array(Type.Integer({ minimum: 1 }), { description: 'Of one sample.' }),
    min: Type.Number(),
    max: Type.Number(),
    scale: Type.Number({ description: 'What the service multiplies stored values by before a model sees them.' }),
    columns: Type.Optional(Type.Array(Type.String(), { description: 'CSV: the names of the features, in order.' })),
  }),
  y: nullable(
    strictObject({
      dtype: DataType,
      shape: Type.Array(Type.Integer({ minimum: 1 }), { description: 'Of one sample; empty for a single number.' }),
      min: Type.Number(),
      max: Type.Number(),
      classes: nullable(Type.Integer({ minimum: 1, description: 'How many, where labels are whole numbers from 0.' })),
      class_names: Type.Optional(Type.Array(Type.String())),
      counts: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { description: 'Samples of each class, all splits together.' })),
    }),
  ),
  samples: Type.Integer({ minimum: 1 }),
  splits: Splits,
  test_given: Type.Boolean({ description: 'Whether the caller named the test samples, rather than letting the service draw them.' }),
});
export type DatasetFacts = Static<typeof DatasetFacts>;

/** Where the bytes of a stored data set lie. All three files cover all samples in upload order; `order` says which belong to which split. */
export interface DatasetFiles {
  /** Samples × `x.shape`, of `x.dtype`. */
  x: string;
  /** Samples × `y.shape`, of `y.dtype`. */
  y: string | null;
  /** uint32 sample numbers: all of train, then selection, then test. */
  order: string;
}
