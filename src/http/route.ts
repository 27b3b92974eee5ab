/** A route as a value: what it takes and answers, for the validator and the OpenAPI document alike, and what it does. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { ProblemCode } from '../errors.ts';
import type { Role } from '../roles.ts';
import type { Links } from './links.ts';
import type { Principal } from './principal.ts';
import type { Services } from './services.ts';

/** What a handler gets. */
export interface Call<Query, Body> {
  params: Record<string, string>;
  query: Query;
  body: Body;
  principal: Principal;
  services: Services;
  request: FastifyRequest;
  reply: FastifyReply;
  /** Aborted when the client goes away or the server closes: nobody waits for the answer any more. */
  gone: AbortSignal;
  /** For what goes on for long: throws UNAUTHORIZED where the key was revoked or has expired meanwhile, and UNAVAILABLE. */
  stillAllowed: () => Promise<void>;
}

export interface HeaderDoc {
  description: string;
  schema: TSchema;
  example?: unknown;
  /** Where it is not said, an answer has it and a request need not. */
  required?: boolean;
}

export interface AnswerDoc {
  description: string;
  /** By media type; null for bytes. */
  content?: Record<string, { schema: TSchema | null; example?: unknown }>;
  headers?: Record<string, HeaderDoc>;
  links?: Links;
}

/** A part of a multipart body, for the document; the handler does the reading. */
export interface PartDoc {
  description: string;
  file: boolean;
  /** What a field's text may be, for the document; any text where it is left out. */
  schema?: TSchema;
  required: boolean;
  repeated?: boolean;
}

export interface RouteDefinition<Query extends TSchema = TSchema, Body extends TSchema = TSchema> {
  method: 'GET' | 'POST' | 'DELETE' | 'HEAD' | 'PATCH' | 'OPTIONS';
  /** With `:name` for parameters. */
  path: string;
  operationId: string;
  summary: string;
  description?: string;
  tag: string;
  /** The least role that may; `open` needs no key. */
  access: 'open' | Role;
  /** A path parameter's pattern, by name, for the document: an id that is none is a 404. */
  params?: Record<string, { description: string; schema: TSchema; example: string }>;
  query?: Query;
  headers?: Record<string, HeaderDoc>;
  /** `optional`: an empty body is `{}`. A route with both `body` and `multipart` takes either. */
  body?: {
    schema: Body;
    optional?: boolean;
    /** Where it may be longer than others. */
    maxBytes?: number;
    description?: string;
    examples: Record<string, { summary: string; value: unknown }>;
  };
  multipart?: Record<string, PartDoc>;
  /** Parts of which the body needs one. */
  eitherPart?: readonly string[];
  /** The media type of a body of bytes, which the handler reads. */
  octets?: string;
  /** One of the calls of the tus protocol. */
  tus?: true;
  answers: Record<number, AnswerDoc>;
  /** Beyond those that every route of its kind has. */
  problems?: readonly ProblemCode[];
  /** Sends the answer, or says what it is. What can be answered at once need be no promise. */
  handle(call: Call<Static<Query>, Static<Body>>): unknown;
}

/** A route, with its handler's types taken from its schemas. */
export function route<Query extends TSchema, Body extends TSchema>(definition: RouteDefinition<Query, Body>): RouteDefinition {
  return definition as unknown as RouteDefinition;
}
