import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../../metrics/registry.ts';

/** Measures every request. */
export function installMeasurements(app: FastifyInstance, metrics: Metrics): void {
  const seconds = metrics.frequentHistogram('espalier_http_request_duration_seconds');
  const received = metrics.counter('espalier_http_request_bytes_total');
  app.addHook('onResponse', (request, reply, done) => {
    // The pattern, not the path: ids as labels would grow without end.
    const route = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    const status = reply.statusCode;
    seconds.observe(`${method} ${status} ${route}`, { method, route, status }, reply.elapsedTime / 1_000);
    const length = request.headers['content-length'];
    if (length !== undefined) received.inc(Number(length) || 0);
    done();
  });
}
