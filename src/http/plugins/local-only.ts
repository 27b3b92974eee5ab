import type { FastifyInstance } from 'fastify';
import { Problem } from '../../errors.ts';
import type { Keyring } from '../keyring.ts';
import { isLoopback } from '../loopback.ts';

/**
 * For a server without keys: whoever reaches it may do everything, so a web page must not. A page of another site gives itself away by its Origin, or,
 * where it made its own name point to this machine (DNS rebinding), by the Host it asks for.
 */
export function installLocalOnly(app: FastifyInstance, keyring: Keyring): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (keyring.needsKeys()) return done();
    const { host, origin } = request.headers;
    const hint = 'Without keys this server is for this machine only';
    if (host === undefined || !isLoopback(hostName(host))) throw new Problem('FORBIDDEN', `${hint}. Received Host: ${host ?? 'none'}`);
    if (origin !== undefined && origin !== `http://${host}`) throw new Problem('FORBIDDEN', `${hint}. Received Origin: ${origin}`);
    done();
  });
}

/** A Host header without its port; empty for one that is more than a name and a port. */
function hostName(host: string): string {
  return /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i.exec(host)?.[1] ?? '';
}
