import type { FastifyInstance, FastifyRequest } from 'fastify';
import { NO_SPAN, NO_TRACING, type Span, type Tracing } from '../../tracing/tracing.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** From the request to the end of its answer. */
    span: Span;
  }
}

/**
 * A span for every request that changes something, and for what only looks where the caller traces it: polling would drown everything else.
 */
export function installTracing(app: FastifyInstance, tracing: Tracing): void {
  app.decorateRequest('span');
  app.addHook('onRequest', (request, _reply, done) => {
    request.span = NO_SPAN;
    if (tracing !== NO_TRACING) begin(request);
    done();
  });
  app.addHook('onResponse', ({ span }, { statusCode }, done) => {
    if (span !== NO_SPAN) {
      span.set({ 'http.response.status_code': statusCode });
      if (statusCode >= 500) span.fail(`${statusCode}`);
      span.end();
    }
    done();
  });

  function begin(request: FastifyRequest): void {
    const { method, headers } = request;
    const given = headers.traceparent;
    const traceparent = typeof given === 'string' ? given : null;
    if ((method === 'GET' || method === 'HEAD') && traceparent === null) return;
    // The pattern, not the path, which names what is somebody's.
    const route = request.routeOptions.url ?? 'unknown';
    const attributes = { 'http.request.method': method, 'http.route': route, 'espalier.request_id': request.id };
    request.span = tracing.span(`${method} ${route}`, traceparent, { kind: 'server', attributes });
    request.log = request.log.child({ trace_id: request.span.traceId });
  }
}
