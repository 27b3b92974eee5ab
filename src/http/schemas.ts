/** Schemas that several routes use. */
import Type, { type TSchema } from 'typebox';
import { type IdPrefix, idPattern } from '../jobs/ids.ts';
import { strictObject } from '../schema.ts';
import { PAGE } from './limits.ts';
import { DOCUMENTED_PATTERN } from './validation/documented-pattern.ts';

export const Text = Type.String();

/** A page's cursor, which has this form; another is answered by INVALID_CURSOR. */
export function cursor(pattern: string) {
  return Type.Optional(Type.String({ [DOCUMENTED_PATTERN]: pattern, description: 'The `next` of the page before.' }));
}

/** The query of a list of what has ids of this prefix. */
export function pageParameters(prefix: IdPrefix) {
  return {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE.most, default: PAGE.default, description: 'Rows of the page.' })),
    after: cursor(idPattern(prefix)),
  };
}

/** A page of a list, newest first. */
export function pageOf<Item extends TSchema>(item: Item, title: string) {
  return strictObject(
    {
      data: Type.Array(item),
      has_more: Type.Boolean(),
      next: Type.Union([Type.String(), Type.Null()], { description: 'What `after` takes for the next page; null on the last.' }),
    },
    { title },
  );
}
