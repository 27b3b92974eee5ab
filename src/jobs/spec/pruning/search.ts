import Type, { type Static } from 'typebox';
import { defaulted, strictObject } from '../../../schema.ts';

export const Evolution = strictObject(
  {
    type: Type.Literal('evolution'),
    population: defaulted(Type.Integer({ minimum: 4, maximum: 256, description: 'Cuts of a generation.' }), 16),
    generations: defaulted(Type.Integer({ minimum: 1, maximum: 200 }), 8),
    seed: defaulted(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), 0),
  },
  {
    description:
      'What each group gives is searched for by evolution: cuts that all meet the target are scored after batch normalisations have been re-estimated, without training. One global threshold is among them.',
  },
);
export type Evolution = Static<typeof Evolution>;

/** How the fractions of groups are found; the stored job has the object. */
export type Search = 'evolution' | Evolution;

export const Search = Type.Union([Type.Literal('evolution'), Evolution], {
  description:
    "Beside a measure, with channels, one_shot: how groups share the cut. Left out: by the scope. 'evolution' is that with its defaults.",
});
