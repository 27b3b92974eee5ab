import type { FastifyInstance } from 'fastify';
import type { Role } from '../../roles.ts';
import { admit } from '../admit.ts';
import type { Keyring } from '../keyring.ts';
import type { Principal } from '../principal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may; a route without it is open. */
    access?: 'open' | Role;
    /** The media type of the body it takes. */
    takes?: string;
  }
  interface FastifyRequest {
    /** Who asks; null on open routes. */
    principal: Principal | null;
  }
}

/** Lets a request through to a route that its key may use, before anything of its body is read. */
export function installAccess(app: FastifyInstance, keyring: Keyring): void {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    const { access = 'open' } = request.routeOptions.config;
    if (access === 'open') return;
    const principal = await admit(keyring, request.headers.authorization, access);
    request.principal = principal;
    request.log = request.log.child({ tenant: principal.tenant, key_id: principal.keyId });
  });
}
