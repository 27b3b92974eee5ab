import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Ledger } from '../ledger/ledger.ts';
import { VERSION } from '../version.ts';

export interface Measurements {
  /** All of them in Prometheus' text format. */
  text(): Promise<string>;
  contentType: string;
}

/** What a server measures of itself, in a registry of its own. */
export function installMeasurements(app: FastifyInstance, ledger: Ledger): Measurements {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: 'espalier_build_info', help: 'Always 1; the version is a label', labelNames: ['version'], registers }).set(
    { version: VERSION },
    1,
  );
  new Gauge({
    name: 'espalier_jobs',
    help: 'Jobs that are not deleted, by status',
    labelNames: ['status'],
    registers,
    async collect() {
      for (const [status, count] of Object.entries(await ledger.counts())) this.set({ status }, count);
    },
  });
  new Gauge({
    name: 'espalier_jobs_not_captured',
    help: 'Jobs that are not deleted and whose training steps could not be captured: they carry the warning STEP_NOT_CAPTURED',
    registers,
    async collect() {
      this.set(await ledger.countWarned('STEP_NOT_CAPTURED'));
    },
  });
  const requests = new Histogram({
    name: 'espalier_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  const received = new Counter({ name: 'espalier_http_request_bytes_total', help: 'Bytes of request bodies, as announced', registers });

  app.addHook('onResponse', async (request, reply) => {
    // The pattern, not the path: ids as labels would grow without end.
    const route = request.routeOptions.url ?? 'unknown';
    requests.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    received.inc(Number(request.headers['content-length'] ?? 0) || 0);
  });
  return { text: () => registry.metrics(), contentType: registry.contentType };
}
