import Type, { type Static } from 'typebox';
import { choice, defaulted, strictObject, tagged } from '../../schema.ts';

const Fill = defaulted(
  Type.Union([Type.Number(), choice(['nearest', 'reflect'])], {
    description:
      'What comes in from outside the image: a number, in units of what the model sees; `nearest` repeats the edge, `reflect` mirrors with the edge (d c b a | a b c d).',
  }),
  0,
);

const Pixels = (least: number) => Type.Integer({ minimum: least, maximum: 1024 });

const Shift = strictObject(
  {
    type: Type.Literal('shift'),
    max_fraction: defaulted(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'The furthest, as a part of the height and of the width, rounded down to whole pixels.',
      }),
      0.1,
    ),
    fill: Fill,
  },
  { description: 'Moves an image by whole pixels, down or up and right or left, each distance as likely as the other.' },
);

const Flip = strictObject(
  {
    type: Type.Literal('flip'),
    axes: defaulted(
      choice(['horizontal', 'vertical', 'both'], {
        description: 'horizontal swaps left and right; vertical, top and bottom; both draws for each apart.',
      }),
      'horizontal',
    ),
    probability: defaulted(Type.Number({ minimum: 0, maximum: 1 }), 0.5),
  },
  { description: 'Mirrors an image with a probability.' },
);

const Crop = strictObject(
  { type: Type.Literal('crop'), padding: defaulted(Pixels(1), 4), fill: Fill },
  { description: 'Pads an image on all sides and cuts an image of the old size out of it, anywhere with the same probability.' },
);

const Cutout = strictObject(
  {
    type: Type.Literal('cutout'),
    size: defaulted({ ...Pixels(1), description: 'The side of the square.' }, 8),
    count: defaulted(Type.Integer({ minimum: 1, maximum: 16 }), 1),
    fill: defaulted(Type.Number({ description: 'In units of what the model sees.' }), 0),
  },
  {
    description:
      'Covers squares whose centre is any pixel with the same probability; they may reach over the edge (DeVries and Taylor 2017).',
  },
);

const Noise = strictObject(
  {
    type: Type.Literal('noise'),
    stddev: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1000, description: 'In units of what the model sees.' }), 0.1),
  },
  { description: 'Adds normally distributed numbers, drawn for every element; for samples of any shape.' },
);

const Rotate = strictObject(
  { type: Type.Literal('rotate'), max_degrees: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 180 }), 10), fill: Fill },
  { description: 'Turns an image about its middle by an angle between −max_degrees and max_degrees, with bilinear interpolation.' },
);

const Enlargement = defaulted(
  Type.Unsafe<[number, number]>({
    type: 'array',
    items: { type: 'number', minimum: 0.1, maximum: 10 },
    minItems: 2,
    maxItems: 2,
    description: '[least, most] enlargement; below 1 the image becomes smaller.',
  }),
  [0.9, 1.1],
);

const Zoom = strictObject(
  { type: Type.Literal('zoom'), range: Enlargement, fill: Fill },
  { description: 'Enlarges an image about its middle by a factor from the range, with bilinear interpolation.' },
);

const Affine = strictObject(
  {
    type: Type.Literal('affine'),
    max_degrees: defaulted(Type.Number({ minimum: 0, maximum: 180, description: 'The largest angle, either way.' }), 10),
    zoom: Enlargement,
    max_shear: defaulted(
      Type.Number({
        minimum: 0,
        maximum: 2,
        description: 'How far a row moves sideways at most, as a part of its distance from the middle.',
      }),
      0.1,
    ),
    max_shift: defaulted(
      Type.Number({ minimum: 0, maximum: 1, description: 'The furthest, as a part of the height and of the width; parts of a pixel too.' }),
      0.05,
    ),
    probability: defaulted(
      Type.Number({ minimum: 0, maximum: 1, description: 'That a sample is changed at all. Others stay as they are, to the bit.' }),
      1,
    ),
    fill: Fill,
  },
  {
    description:
      'Turns, enlarges, shears and shifts an image at once, read between pixels a single time: sharper than one such entry after another.',
  },
);

const Brightness = strictObject(
  {
    type: Type.Literal('brightness'),
    max_delta: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1000, description: 'In units of what the model sees.' }), 0.1),
  },
  { description: 'Adds one number between −max_delta and max_delta to all of an image.' },
);

const Contrast = strictObject(
  {
    type: Type.Literal('contrast'),
    max_change: defaulted(Type.Number({ exclusiveMinimum: 0, maximum: 1 }), 0.2),
  },
  {
    description:
      "Moves an image's numbers away from their mean in each channel, or towards it, by a factor between 1 − max_change and 1 + max_change.",
  },
);

export const AugmentationEntry = tagged(
  [Shift, Flip, Crop, Cutout, Noise, Rotate, Zoom, Affine, Brightness, Contrast],
  'One random change of training samples.',
);
export type AugmentationEntry = Static<typeof AugmentationEntry>;

/**
 * Random changes of training samples, applied in order to what the model is about to see; selection and test samples are never changed. All but `noise`
 * are for images: inputs of [height, width, channels].
 */
export const Augmentation = Type.Array(AugmentationEntry, {
  maxItems: 16,
  description:
    'Random changes of training samples, applied in order after scaling and standardisation; drawn anew for each sample and step, the same for the same seed. Samples of the selection and test splits stay as they are. All but noise need a model input of [height, width, channels].',
});
export type Augmentation = Static<typeof Augmentation>;

/** The entry of that type. */
export type AugmentationOf<Name extends AugmentationEntry['type']> = Extract<AugmentationEntry, { type: Name }>;

/** What is wrong with an augmentation for a model whose samples have this shape (null where an axis is free), and where in the list; null where nothing is. */
export function augmentationFault(list: Augmentation, sample: readonly (number | null)[]): { index: number; detail: string } | null {
  for (const [index, entry] of list.entries()) {
    const refused = (detail: string) => ({ index, detail });
    if (entry.type === 'noise') continue;
    const [height, width] = sample;
    if (sample.length !== 3 || height === undefined || width === undefined) {
      return refused(`${entry.type} is for images: a model input of [height, width, channels]; this one is [${sample.join(', ')}].`);
    }
    const side = Math.min(height ?? Number.POSITIVE_INFINITY, width ?? Number.POSITIVE_INFINITY);
    if (
      entry.type === 'shift' &&
      Math.floor(entry.max_fraction * Math.max(height ?? 0, width ?? 0)) === 0 &&
      side !== Number.POSITIVE_INFINITY
    ) {
      return refused(`A shift by at most ${entry.max_fraction} of ${height} × ${width} pixels is less than one pixel.`);
    }
    if (entry.type === 'crop' && entry.padding > side) {
      return refused(`A padding of ${entry.padding} pixels is larger than the images, which are ${height} × ${width}.`);
    }
    if (entry.type === 'cutout' && entry.size > side) {
      return refused(`A square of ${entry.size} pixels is larger than the images, which are ${height} × ${width}.`);
    }
    const enlargement = entry.type === 'zoom' ? entry.range : entry.type === 'affine' ? entry.zoom : null;
    if (enlargement && enlargement[0] > enlargement[1]) {
      return refused(`The range of zoom goes from the least to the most; received [${enlargement.join(', ')}].`);
    }
  }
  return null;
}
