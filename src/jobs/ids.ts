import { monotonicFactory } from 'ulid';
import { unpredictable } from '../random.ts';

/** What an id belongs to: a model, a data set, a job, an artifact, a prediction, a secret of webhooks, a key, a change in the audit trail, an upload in several requests. */
export type IdPrefix = 'mdl' | 'dst' | 'job' | 'art' | 'prd' | 'whs' | 'key' | 'aud' | 'upl';

const nextUlid = monotonicFactory(unpredictable);

/** A new id. Ids of one process grow with every call, so that sorting by id is sorting by age. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${nextUlid()}`;
}

/** The form of an id, as a JSON Schema pattern: the prefix and a ULID. */
export function idPattern(prefix: IdPrefix): string {
  return `^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`;
}

/** Whether the text has the form of an id. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return new RegExp(idPattern(prefix)).test(text);
}
