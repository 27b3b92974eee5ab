/** A client of the Espalier service for browsers and Node; files of Node are in `node.ts`. */
export * from './client.ts';
export * from './errors.ts';
export { type FollowOptions, type JobEvent, StreamUnavailableError } from './follow.ts';
export type { paths } from './schema.ts';
export { type Connection, newIdempotencyKey, type Send } from './send.ts';
export * from './types.ts';
