import type { FastifyInstance } from 'fastify';
import { Problem } from '../../errors.ts';

/** Sends away whoever comes over an open connection while the server closes, and the connection with them. */
export function installClosing(app: FastifyInstance, closing: AbortSignal): void {
  app.addHook('onRequest', async () => {
    if (closing.aborted) throw new Problem('UNAVAILABLE', 'The server is closing', { headers: { connection: 'close' } });
  });
}
