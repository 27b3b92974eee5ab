/** What the caller may say about a data set besides its bytes. */
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { choice, strictObject } from '../schema.ts';
import { invalid } from './complaints.ts';

const Share = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, description: `${description}: a fraction below 1, or a number of samples; 0 for none.` }));

export const SplitOptions = strictObject({
  selection: Share('Held out of the samples that were not given as selection or test; 0.1 unless selection samples were given'),
  test: Share('The same for the test split; 0.1 unless test samples were given'),
  shuffle: Type.Optional(
    Type.Boolean({
      default: true,
      description: 'Draw by chance; false takes the last samples, selection before test.',
    }),
  ),
  stratify: Type.Optional(
    Type.Boolean({
      description: 'Whether each class is drawn from in proportion. Default: true where y is classes and the draw is by chance.',
    }),
  ),
  seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, default: 0 })),
});
export type SplitOptions = Static<typeof SplitOptions>;

const Column = (description: string) => Type.Optional(Type.String({ minLength: 1, description: `CSV: the column ${description}` }));

export const DatasetOptions = strictObject({
  split: Type.Optional(SplitOptions),
  scale: Type.Optional(
    Type.Union([choice(['none', 'unit']), Type.Number({ exclusiveMinimum: 0 })], {
      description:
        'What x is multiplied by before a model sees it: `unit` is 1/255. Default: `unit` for whole numbers from 0 to 255 that came as bytes or have two axes or more and are not just 0 and 1, else `none`.',
    }),
  ),
  standardize: Type.Optional(
    choice(['none', 'global', 'channel', 'feature'], {
      description:
        'Makes of x · scale numbers of mean 0 and deviation 1 over the training split: all together, each channel (the last axis) for itself, or each element of a sample (a CSV column). Default: `none`.',
    }),
  ),
  label_column: Column('that is y; without it the data set has no y.'),
  weight_column: Column('that holds sample weights.'),
  split_column: Column('that says train, selection (or validation) or test; a split that no row names is drawn from train.'),
  group_column: Column('whose rows of one value stay together in one split.'),
  categorical_columns: Type.Optional(
    Type.Union([choice(['auto']), Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 65_536 })], {
      description:
        'CSV: columns that become one column of 0s and 1s for each of their values, 1000 at most; `auto` takes those that hold text. Default: none, and text is refused.',
    }),
  ),
  missing: Type.Optional(
    choice(['error', 'mean', 'zero'], {
      description:
        'CSV: what an empty cell of a feature is, or one of NA, N/A, NaN, null and ?: refused, the mean of its column over the training split, or 0. In a categorical column all of its columns are then 0. Default: `error`.',
    }),
  ),
  resize: Type.Optional(
    Type.Unsafe<[number, number]>({
      type: 'array',
      items: { type: 'integer', minimum: 1, maximum: 4096 },
      minItems: 2,
      maxItems: 2,
      description: 'Images: [height, width] that each is stretched to, bilinear with antialiasing. Without it all must be of one size.',
    }),
  ),
  color: Type.Optional(
    choice(['rgb', 'grayscale'], {
      description: 'Images: three channels, or the luminance as one. Default: `rgb`. Transparency is left out.',
    }),
  ),
});
export type DatasetOptions = Static<typeof DatasetOptions>;

const compiled = Compile(DatasetOptions);

/** Refuses options that are not of the schema. Throws DATASET_INVALID that names the option. */
export function checkOptions(options: unknown): asserts options is DatasetOptions {
  if (compiled.Check(options)) return;
  const errors = [...compiled.Errors(options)];
  const path = (errors[0]?.instancePath ?? '').split('/').slice(1);
  let value: unknown = options;
  for (const key of path) value = (value as Record<string, unknown> | null)?.[key];
  let reason = errors[0]?.message ?? 'cannot be read';
  if (errors[0]?.keyword === 'boolean') reason = 'is not an option';
  else if (errors.some(({ keyword }) => keyword === 'anyOf')) reason = 'is none of the accepted values';
  throw invalid(
    path[0] === undefined ? '' : `#part:${path[0]}`,
    `${path[0] === undefined ? 'The options' : path.join('.')} ${reason}; ` +
      'accepted are split {selection, test, shuffle, stratify, seed}, scale ("none", "unit" or a number above 0), ' +
      'standardize ("none", "global", "channel" or "feature"), label_column, weight_column, split_column, group_column, ' +
      'categorical_columns ("auto" or names), missing ("error", "mean" or "zero"), resize [height, width] and color ("rgb" or "grayscale")',
    { received: value },
  );
}
