import { Ajv, type ErrorObject, type Options } from 'ajv';
import addFormats from 'ajv-formats';
import type { Static, TSchema } from 'typebox';
import { Problem } from '../../errors.ts';
import { complaints } from './complaints.ts';
import { DOCUMENTED_PATTERN } from './documented-pattern.ts';

/** What is validated: a JSON body as it is, or query parameters, whose texts become the numbers they spell. */
export type Part = 'body' | 'query';

const common: Options = { allErrors: true, verbose: true, discriminator: true, removeAdditional: false, strictTypes: false };
const validators = {
  body: withFormats(new Ajv({ ...common, coerceTypes: false })),
  query: withFormats(new Ajv({ ...common, coerceTypes: true })),
} satisfies Record<Part, Ajv>;

/** Compiles a schema into a function that returns the value when it is valid, and throws Problem VALIDATION_FAILED that names every fault else. */
export function validator<Schema extends TSchema>(schema: Schema, part: Part): (value: unknown) => Static<Schema> {
  const check = validators[part].compile(schema);
  return (value) => {
    if (check(value)) return value as Static<Schema>;
    const items = complaints(check.errors as ErrorObject[], part);
    const [first] = items;
    const more = items.length > 1 ? ` (and ${items.length - 1} more: see errors)` : '';
    throw new Problem('VALIDATION_FAILED', `${first?.detail ?? 'The request is not valid'}${more}`, { items });
  };
}

function withFormats(ajv: Ajv): Ajv {
  addFormats.default(ajv);
  ajv.addVocabulary([DOCUMENTED_PATTERN]);
  return ajv;
}
