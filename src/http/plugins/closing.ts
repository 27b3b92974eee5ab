import type { FastifyInstance } from 'fastify';
import { Problem } from '../../errors.ts';

/**
 * While the server closes, whoever still comes over an open connection is sent away, and every connection ends with the answer under way: one that
 * stayed open for a next request would hold the server up.
 */
export function installClosing(app: FastifyInstance, closing: AbortSignal): void {
  app.addHook('onRequest', (_request, _reply, done) => {
    done(closing.aborted ? new Problem('UNAVAILABLE', 'The server is closing') : undefined);
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing.aborted) reply.header('connection', 'close');
    done();
  });
  app.addHook('onResponse', (_request, _reply, done) => {
    // A download that began before has promised to stay.
    if (closing.aborted) setImmediate(() => app.server.closeIdleConnections());
    done();
  });
}
