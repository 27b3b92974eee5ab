/** Schemas that several routes use. */
import Type, { type TSchema } from 'typebox';
import { strictObject } from '../schema.ts';
import { PAGE } from './limits.ts';

export const Text = Type.String();

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE.most, default: PAGE.default, description: 'Rows of the page.' })),
  after: Type.Optional(Type.String({ description: 'The `next` of the page before.' })),
};

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
