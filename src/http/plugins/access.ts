import type { FastifyInstance } from 'fastify';
import { Problem } from '../../errors.ts';
import { mayAct, type Role } from '../../roles.ts';
import type { KeyFile } from '../key-file.ts';
import { LOCAL_PRINCIPAL, type Principal } from '../principal.ts';

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
export function installAccess(app: FastifyInstance, keys: KeyFile | null): void {
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    const { access = 'open' } = request.routeOptions.config;
    if (access === 'open') return;
    const principal = keys ? await authenticate(keys, request.headers.authorization) : LOCAL_PRINCIPAL;
    if (!mayAct(principal.role, access)) {
      throw new Problem('FORBIDDEN', `This needs a key of role ${access}; the one received has role ${principal.role}`);
    }
    request.principal = principal;
    request.log = request.log.child({ tenant: principal.tenant });
  });
}

async function authenticate(keys: KeyFile, authorization: string | undefined): Promise<Principal> {
  const [, secret] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (secret === undefined) {
    throw new Problem('UNAUTHORIZED', `Send "Authorization: Bearer <key>". Received ${authorization ? 'another scheme' : 'no key'}`);
  }
  const found = await keys.authenticate(secret).catch((cause) => {
    throw new Problem('UNAVAILABLE', 'The keys cannot be read now', { cause });
  });
  if (!found) throw new Problem('UNAUTHORIZED', 'The key is not one of this server’s');
  return found;
}
