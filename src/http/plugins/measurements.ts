import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../../metrics/registry.ts';

/** Measures every request. */
export function installMeasurements(app: FastifyInstance, metrics: Metrics): void {
  const seconds = metrics.histogram('espalier_http_request_duration_seconds');
  const received = metrics.counter('espalier_http_request_bytes_total');
  app.addHook('onResponse', (request, reply, done) => {
    // The pattern, not the path: ids as labels would grow without end.
    const route = request.routeOptions.url ?? 'unknown';
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    received.inc(Number(request.headers['content-length'] ?? 0) || 0);
    done();
  });
}
