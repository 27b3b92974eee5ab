import type { FastifyInstance } from 'fastify';

/** One line a request, once it is answered. Polling would drown everything else, so what only looks is a line for debugging. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { statusCode } = reply;
    const looks = request.method === 'GET' || request.method === 'HEAD';
    // 503 is how a probe learns that something is missing; who made it so has said why.
    const level = looks && (statusCode < 400 || statusCode === 503) ? 'debug' : statusCode === 500 ? 'error' : 'info';
    const ms = Math.round(reply.elapsedTime);
    request.log[level]({ method: request.method, url: request.url, status: statusCode, ms }, 'Request answered');
    done();
  });
}
