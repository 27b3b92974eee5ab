import { route } from '../route.ts';
import { Text } from '../schemas.ts';

export const metrics = route({
  method: 'GET',
  path: '/metrics',
  operationId: 'getMetrics',
  summary: 'What the server measures of itself',
  description: 'In the text format of Prometheus. Counts are over all tenants, so with keys it needs one of role `admin`.',
  tag: 'Service',
  access: 'admin',
  answers: {
    200: { description: 'The metrics.', content: { 'text/plain': { schema: Text, example: 'espalier_jobs{status="queued"} 0' } } },
  },

  async handle({ services: { measurements }, reply }) {
    return reply.type(measurements.contentType).send(await measurements.text());
  },
});
