import { Capabilities, capabilities } from '../capabilities.ts';
import { route } from '../route.ts';

export const getCapabilities = route({
  method: 'GET',
  path: '/v1/capabilities',
  operationId: 'getCapabilities',
  summary: 'Ask what the service can do',
  description: 'Methods with the JSON Schemas of their options, formats, layers, limits, and the workers that live now.',
  tag: 'Service',
  access: 'read',
  answers: { 200: { description: 'The capabilities.', content: { 'application/json': { schema: Capabilities } } } },

  async handle({ principal, services }) {
    return capabilities(principal.tenant, services);
  },
});
