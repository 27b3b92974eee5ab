import { route } from '../route.ts';
import { Text } from '../schemas.ts';

export const metrics = route({
  method: 'GET',
  path: '/metrics',
  operationId: 'getMetrics',
  summary: 'What the server measures of itself',
  description:
    'In the text format of Prometheus; `docs/metrics.md` lists them. Counts are over all tenants, so with keys it needs one of role `admin`. Workers have their own, where `ESPALIER_WORKER_METRICS` says.',
  tag: 'Service',
  access: 'admin',
  answers: {
    200: { description: 'The metrics.', content: { 'text/plain': { schema: Text, example: 'espalier_jobs{status="queued"} 0' } } },
  },

  async handle({ services: { metrics }, reply }) {
    return reply.type(metrics.contentType).send(await metrics.text());
  },
});
