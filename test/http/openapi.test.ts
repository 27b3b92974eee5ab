import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { openapiDocument, openapiObject } from '../../src/http/openapi.ts';
import { ROUTES } from '../../src/http/routes/index.ts';

interface Media {
  schema?: object;
  example?: unknown;
  examples?: Record<string, { value?: unknown; $ref?: string }>;
}
interface Link {
  operationId: string;
  parameters: Record<string, string>;
}
interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media>; links?: Record<string, Link> }>;
}

const document = openapiObject() as {
  paths: Record<string, Record<string, Operation>>;
  components: { examples: Record<string, { value: unknown }> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe('the OpenAPI document', () => {
  it('is the committed one: `npm run openapi` brings it up to date', async () => {
    expect(await readFile(join(import.meta.dirname, '../../openapi.yaml'), 'utf8')).toBe(await openapiDocument());
  });

  it('has every route once, under an id and a tag, with its failures', () => {
    expect(operations).toHaveLength(ROUTES.length);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(ROUTES.length);
    for (const { operation } of operations) {
      expect(operation.summary).toBeTruthy();
      expect(operation.tags).toHaveLength(1);
      for (const status of ['400', '403', '500']) expect(Object.keys(operation.responses)).toContain(status);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (Number(status) >= 400) expect(content?.['application/problem+json']?.schema).toEqual({ $ref: '#/components/schemas/Problem' });
      }
    }
  });

  it('links answers to operations that take what the link gives', () => {
    const byId = new Map(operations.map(({ path, operation }) => [operation.operationId, path]));
    let links = 0;
    for (const { operation } of operations)
      for (const answer of Object.values(operation.responses))
        for (const { operationId, parameters } of Object.values(answer.links ?? {})) {
          links += 1;
          const taken = [...(byId.get(operationId) ?? '').matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
          expect(Object.keys(parameters), operationId).toEqual(taken);
        }
    expect(links).toBeGreaterThan(30);
  });

  it('says which schema a tag stands for', () => {
    const tagged = JSON.stringify(document).match(
      /"discriminator":\{"propertyName":"type","mapping":\{[^}]*"train":"#\/components\/schemas\/TrainSpec"/g,
    );
    expect(tagged).toHaveLength(2);
  });

  it('shows examples that are what their schemas say', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, 'openapi');
    let shown = 0;
    const check = (at: string, media: Media | undefined) => {
      const values = [
        ...(media?.example === undefined ? [] : [media.example]),
        ...Object.values(media?.examples ?? {}).map(({ value, $ref }) =>
          $ref ? document.components.examples[$ref.split('/').at(-1) as string]?.value : value,
        ),
      ];
      if (values.length === 0) return;
      const schema = JSON.parse(JSON.stringify(media?.schema).replaceAll('"#/', '"openapi#/'));
      const validate = ajv.compile(schema);
      for (const value of values) {
        expect(validate(value), `${at}: ${ajv.errorsText(validate.errors)}`).toBe(true);
        shown += 1;
      }
    };
    for (const { path, method, operation } of operations) {
      for (const media of Object.values(operation.requestBody?.content ?? {})) check(`${method} ${path}`, media);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        for (const media of Object.values(content ?? {})) check(`${method} ${path} ${status}`, media);
      }
    }
    expect(shown).toBeGreaterThan(100);
  });
});
