import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openapiObject } from '../../src/http/openapi.ts';

interface Operation {
  responses: Record<string, { content?: Record<string, unknown>; headers?: Record<string, { required: boolean }> }>;
}

const document = openapiObject() as { paths: Record<string, Record<string, Operation>> };
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, 'openapi');

const templates = Object.keys(document.paths).map((path) => ({
  path,
  matches: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
}));

/** Throws where an answer is not one that the OpenAPI document promises: its status, its media type, its headers, or its body. */
export function expectDocumented(
  method: string,
  path: string,
  answer: { status: number; headers: Headers; body: unknown; text: string },
): void {
  const template = templates.find(({ matches }) => matches.test(path.split('?')[0] ?? ''))?.path;
  const operation = template && document.paths[template]?.[method.toLowerCase()];
  if (!operation) return;
  const at = `${method} ${template} answered ${answer.status}`;
  const documented = operation.responses[answer.status];
  if (!documented) throw new Error(`${at}, which is not documented: ${answer.text}`);
  for (const [name, { required }] of Object.entries(documented.headers ?? {})) {
    if (required && !answer.headers.has(name)) throw new Error(`${at} without the header ${name}`);
  }
  const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const types = Object.keys(documented.content ?? {});
  if (types.length === 0 && answer.text !== '') throw new Error(`${at} with a body, which is not documented`);
  if (types.length > 0 && !types.includes(type)) throw new Error(`${at} as '${type}'; documented are ${types.join(', ')}`);
  if (!/json$/.test(type)) return;
  const token = (part: string) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
  const pointer = ['paths', template, method.toLowerCase(), 'responses', `${answer.status}`, 'content', type, 'schema']
    .map(token)
    .join('/');
  const validate = ajv.getSchema(`openapi#/${pointer}`);
  if (!validate) throw new Error(`No schema at ${pointer}`);
  if (!validate(answer.body)) throw new Error(`${at} with a body that is not as documented: ${ajv.errorsText(validate.errors)}`);
}
