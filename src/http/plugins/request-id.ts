import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { ulid } from 'ulid';
import { unpredictable } from '../../random.ts';

/** The caller's own X-Request-Id where it is harmless to print, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : newRequestId();
}

export function newRequestId(): string {
  return `req_${ulid(undefined, unpredictable)}`;
}

/** Says in every answer which request it belongs to. */
export function installRequestId(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
}
