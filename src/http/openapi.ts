/** The OpenAPI document, made of the routes and nothing else. */
import type { TSchema } from 'typebox';
import { stringify } from 'yaml';
import { PROBLEMS, type ProblemCode, problemDocument } from '../errors.ts';
import { ProblemBody } from '../jobs/view.ts';
import { VERSION } from '../version.ts';
import type { AnswerDoc, HeaderDoc, PartDoc, RouteDefinition } from './route.ts';
import { ROUTES } from './routes/index.ts';
import { DOCUMENTED_PATTERN } from './validation/documented-pattern.ts';

type Json = Record<string, unknown>;

const TAGS = {
  Models: 'Keras models, uploaded or made by jobs.',
  Uploads: 'Files that come in several requests (tus 1.0).',
  'Data sets': 'Samples and labels, split once and for all.',
  Jobs: 'Training and pruning.',
  Webhooks: 'Being told what happens to a job (Standard Webhooks).',
  Artifacts: 'Files that jobs made.',
  Keys: 'Who may do what, and who did.',
  Service: 'The service itself.',
};

const DESCRIPTION = `Makes Keras models smaller and trains them stably, and measures every claim about them.

Upload a model and a data set, post a job, look at it until it has ended, download what it made. Bodies are strict: a field that is not known is an error.
Every error is a problem object (RFC 9457) with a stable \`code\`.`;

/** The document as YAML: what `openapi.yaml` in the repository and at the service holds. */
export async function openapiDocument(): Promise<string> {
  text ??= stringify(openapiObject(), { lineWidth: 0, aliasDuplicateObjects: false });
  return text;
}

/** The document as a value; not to be changed. */
export function openapiObject(): Json {
  value ??= makeDocument();
  return value;
}

// Nothing that a process learns changes the document, and making it takes a while.
let text: string | undefined;
let value: Json | undefined;

function makeDocument(): Json {
  const schemas = new Map<string, Json>();
  const write = schemaWriter(schemas);
  const paths: Record<string, Json> = {};
  for (const route of ROUTES) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, write) };
  }
  write(ProblemBody);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Espalier',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The server that serves this document.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1))),
      examples: problemExamples(new Set(ROUTES.flatMap(problemsOf))),
      headers: Object.fromEntries(Object.entries(RATE_HEADERS).map(([name, doc]) => [name, { ...doc, schema: { type: 'string' } }])),
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key. A server without keys takes none, and only requests from its own machine.',
        },
      },
    },
  };
}

/** Of draft-ietf-httpapi-ratelimit-headers-10; every answer to a request with a key has them where there are limits. */
const RATE_HEADERS = {
  'RateLimit-Policy': {
    description: 'Requests (`q`) that the `key` and the `tenant` may make in a window (`w`, in seconds).',
    example: '"key";q=6000;w=60, "tenant";q=30000;w=60',
  },
  RateLimit: { description: 'Of them those that remain (`r`) until the window ends (`t`, in seconds).', example: '"key";r=0;t=17' },
  'Retry-After': { description: 'Seconds after which to try again.', example: '17' },
};

type Write = (schema: TSchema) => unknown;

interface Discriminator {
  propertyName: string;
}

/** Which component each value of the discriminating property stands for. `members` are `schemas` as references, in the same order. */
function mappingOf({ propertyName }: Discriminator, schemas: TSchema[], members: { $ref?: string }[]): Json {
  return Object.fromEntries(
    schemas.map((schema, index) => {
      const { properties } = schema as unknown as { properties: Record<string, { const: string }> };
      return [properties[propertyName]!.const, members[index]!.$ref];
    }),
  );
}

/** Writes schemas, and puts those with a title among the components: a title names one schema. */
function schemaWriter(components: Map<string, Json>): Write {
  const write = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(write);
    if (value === null || typeof value !== 'object') return value;
    // Conditions stand in descriptions: tools take them for schemas of their own, and examples for wrong.
    const { discriminator, if: _, else: __, [DOCUMENTED_PATTERN]: pattern, ...schema } = value as Json & { oneOf?: TSchema[] };
    if (pattern !== undefined) schema.pattern = pattern;
    const written = Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, write(part)])) as Json;
    const members = (written.oneOf ?? []) as { $ref?: string }[];
    // OpenAPI knows discriminators only between components; without a mapping it takes their names for the values.
    if (discriminator && members.length > 0 && members.every(({ $ref }) => $ref)) {
      written.discriminator = { ...discriminator, mapping: mappingOf(discriminator as Discriminator, schema.oneOf ?? [], members) };
    }
    const { title } = schema;
    if (typeof title !== 'string') return written;
    const known = components.get(title);
    if (known && JSON.stringify(known) !== JSON.stringify(written)) throw new Error(`Two schemas are called ${title}`);
    components.set(title, written);
    return { $ref: `#/components/schemas/${title}` };
  };
  return write;
}

function operation(route: RouteDefinition, write: Write): Json {
  const { operationId, summary, description, tag, access, body, multipart, octets } = route;
  return {
    operationId,
    summary,
    ...(description ? { description } : {}),
    tags: [tag],
    security: access === 'open' ? [] : [{ key: [] }, {}],
    ...parameters(route, write),
    ...(octets ? { requestBody: { required: true, content: { [octets]: { schema: { type: 'string', format: 'binary' } } } } } : {}),
    ...(body || multipart
      ? {
          requestBody: {
            required: !body?.optional,
            content: {
              ...(body ? { 'application/json': { schema: write(body.schema), examples: body.examples } } : {}),
              ...(multipart ? { 'multipart/form-data': { schema: form(route, multipart, write) } } : {}),
            },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, response(answer, write)])),
      ...problemResponses(problemsOf(route)),
    },
  };
}

function parameters({ params = {}, query, headers = {} }: RouteDefinition, write: Write): Json {
  const properties = (query as { properties?: Record<string, TSchema> } | undefined)?.properties ?? {};
  const list = [
    ...Object.entries(params).map(([name, { description, schema, example }]) => ({
      name,
      in: 'path',
      required: true,
      description,
      schema: write(schema),
      example,
    })),
    ...Object.entries(properties).map(([name, schema]) => {
      const { description, ...rest } = schema as TSchema & { description?: string };
      return { name, in: 'query', required: false, ...(description ? { description } : {}), schema: write(rest as TSchema) };
    }),
    ...Object.entries(headers).map(([name, { description, schema, example, required = false }]) => ({
      name,
      in: 'header',
      required,
      description,
      schema: write(schema),
      ...(example === undefined ? {} : { example }),
    })),
  ];
  return list.length > 0 ? { parameters: list } : {};
}

function form({ eitherPart }: RouteDefinition, parts: Record<string, PartDoc>, write: Write): Json {
  const properties = Object.entries(parts).map(([name, { description, file, schema }]) => [
    name,
    { ...(schema ? (write(schema) as Json) : { type: 'string', ...(file ? { format: 'binary' } : {}) }), description },
  ]);
  const required = Object.keys(parts).filter((name) => parts[name]?.required);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
    ...(eitherPart ? { anyOf: eitherPart.map((name) => ({ required: [name] })) } : {}),
    properties: Object.fromEntries(properties),
  };
}

function response({ description, content, headers, links }: AnswerDoc, write: Write): Json {
  return {
    description,
    ...(headers ? { headers: Object.fromEntries(Object.entries(headers).map(([name, doc]) => [name, header(doc, write)])) } : {}),
    ...(content
      ? {
          content: Object.fromEntries(
            Object.entries(content).map(([type, { schema, example }]) => [
              type,
              {
                schema: schema === null ? { type: 'string', format: 'binary' } : write(schema),
                ...(example === undefined ? {} : { example }),
              },
            ]),
          ),
        }
      : {}),
    ...(links ? { links } : {}),
  };
}

function header({ description, schema, required = true }: HeaderDoc, write: Write): Json {
  return { description, required, schema: write(schema) };
}

/** Those of its own, and those that every route of its kind has. */
function problemsOf({ access, problems = [], body, multipart, octets }: RouteDefinition): ProblemCode[] {
  const codes = new Set<ProblemCode>(['MALFORMED_REQUEST', 'FORBIDDEN', 'INTERNAL', 'UNAVAILABLE', ...problems]);
  // Every one may be asked for with parameters and fields that it does not know.
  if (access !== 'open') for (const code of ['UNAUTHORIZED', 'RATE_LIMIT_EXCEEDED', 'VALIDATION_FAILED'] as const) codes.add(code);
  if (body) codes.add('INVALID_JSON');
  if (body || multipart || octets) for (const code of ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) codes.add(code);
  if (multipart || octets) for (const code of ['TOO_MANY_REQUESTS', 'STORAGE_FULL'] as const) codes.add(code);
  return (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => codes.has(code));
}

function problemResponses(codes: ProblemCode[]): Record<string, Json> {
  const responses: Record<string, Json> = {};
  for (const [status, members] of Object.entries(Object.groupBy(codes, (code) => PROBLEMS[code].status))) {
    const examples = members?.map((code) => [code, { $ref: `#/components/examples/${code}` }]);
    responses[status] = {
      description: members?.map((code) => `${PROBLEMS[code].title} (\`${code}\`)`).join('. ') ?? '',
      ...(members?.includes('RATE_LIMIT_EXCEEDED')
        ? { headers: Object.fromEntries(Object.keys(RATE_HEADERS).map((name) => [name, { $ref: `#/components/headers/${name}` }])) }
        : {}),
      content: {
        'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, examples: Object.fromEntries(examples ?? []) },
      },
    };
  }
  return responses;
}

/** One a code, for the codes that routes answer with: others are told by jobs. */
function problemExamples(used: Set<ProblemCode>): Record<string, Json> {
  const examples = [...used].sort().map((code) => {
    const { title } = PROBLEMS[code];
    return [code, { summary: title, value: { ...problemDocument(code, title), request_id: 'req_01JZ3VF1G2H3J4K5M6N7P8Q9RS' } }];
  });
  return Object.fromEntries(examples);
}
