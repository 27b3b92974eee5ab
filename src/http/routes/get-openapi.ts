import Type from 'typebox';
import { route } from '../route.ts';

const Document = Type.Object({ openapi: Type.String(), info: Type.Object({}), paths: Type.Object({}), components: Type.Object({}) });

export const getOpenapi = route({
  method: 'GET',
  path: '/openapi.yaml',
  operationId: 'getOpenapi',
  summary: 'This document',
  tag: 'Service',
  access: 'open',
  answers: { 200: { description: 'OpenAPI 3.1.', content: { 'application/yaml': { schema: Document } } } },

  async handle({ services: { openapi }, reply }) {
    return reply.type('application/yaml; charset=utf-8').send(openapi);
  },
});
