import { route } from '../route.ts';
import { Text } from '../schemas.ts';

export const getOpenapi = route({
  method: 'GET',
  path: '/openapi.yaml',
  operationId: 'getOpenapi',
  summary: 'This document',
  tag: 'Service',
  access: 'open',
  answers: { 200: { description: 'OpenAPI 3.1.', content: { 'application/yaml': { schema: Text } } } },

  async handle({ services: { openapi }, reply }) {
    return reply.type('application/yaml; charset=utf-8').send(openapi);
  },
});
