import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../errors.ts';
import type { Role } from '../../roles.ts';
import { identify, identifyAtOnce, requireRole } from '../admit.ts';
import type { Keyring } from '../keyring.ts';
import type { Principal } from '../principal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The least role that may; a route without it is open. */
    access?: 'open' | Role;
    /** The media type of the body it takes. */
    takes?: string;
    /** For people at a browser, which asks them for a name and a password and sends both (HTTP Basic): the password is a key. */
    browser?: boolean;
  }
  interface FastifyRequest {
    /** Who asks; null on open routes. */
    principal: Principal | null;
  }
}

/** As `identify`; a refusal lets the browser ask for a key. */
async function identifyBrowser(keyring: Keyring, authorization: string | undefined): Promise<Principal> {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization ?? '') ?? [];
  const password =
    encoded &&
    Buffer.from(encoded, 'base64')
      .toString('utf8')
      .replace(/^[^:]*:/, '');
  try {
    return await identify(keyring, password ? `Bearer ${password}` : authorization);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'UNAUTHORIZED') throw error;
    const headers = { 'www-authenticate': 'Basic realm="Espalier: a key of role admin as the password", charset="UTF-8"' };
    throw new Problem('UNAUTHORIZED', error.message, { headers });
  }
}

/** Finds out who asks, before anything of the body is read. What they may is seen to behind the rate limits: `installRoles`. */
export function installAccess(app: FastifyInstance, keyring: Keyring): void {
  app.decorateRequest('principal', null);
  const enter = (request: FastifyRequest, principal: Principal) => {
    request.principal = principal;
    request.log = request.log.child({ tenant: principal.tenant, key_id: principal.keyId });
  };
  app.addHook('onRequest', (request, _reply, done) => {
    const { access = 'open', browser = false } = request.routeOptions.config;
    if (access === 'open') return done();
    const { authorization } = request.headers;
    const known = browser ? null : identifyAtOnce(keyring, authorization);
    if (known) {
      enter(request, known);
      return done();
    }
    const identified = browser ? identifyBrowser(keyring, authorization) : identify(keyring, authorization);
    identified.then((principal) => enter(request, principal)).then(() => done(), done);
  });
}

/** Lets a request through to a route that its key may use. Comes after the rate limits: who is refused is counted as well. */
export function installRoles(app: FastifyInstance): void {
  app.addHook('onRequest', ({ principal, routeOptions }, _reply, done) => {
    const { access = 'open' } = routeOptions.config;
    if (principal !== null && access !== 'open') requireRole(principal, access);
    done();
  });
}
