import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { ulid } from 'ulid';

/** Random numbers by the thousand: asked for one by one, as ulid does, they take longer than the rest of a short answer. */
const POOL = new Uint8Array(4096);
let used = POOL.length;
function random(): number {
  if (used === POOL.length) {
    crypto.getRandomValues(POOL);
    used = 0;
  }
  return POOL[used++]! / 256;
}

/** The caller's own X-Request-Id where it is harmless to print, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : `req_${ulid(undefined, random)}`;
}

/** Says in every answer which request it belongs to. */
export function installRequestId(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
}
