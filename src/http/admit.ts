import { Problem } from '../errors.ts';
import { mayAct, type Role } from '../roles.ts';
import type { Keyring } from './keyring.ts';
import { LOCAL_PRINCIPAL, type Principal } from './principal.ts';

/**
 * Who asks, where they may do what needs a role. `authorization` is the header. Throws UNAUTHORIZED, FORBIDDEN, and UNAVAILABLE where the keys cannot be
 * read: that lets nobody in.
 */
export async function admit(keyring: Keyring, authorization: string | undefined, access: Role): Promise<Principal> {
  const principal = await identify(keyring, authorization);
  requireRole(principal, access);
  return principal;
}

/** Who asks, whatever they may do. Throws UNAUTHORIZED and UNAVAILABLE. */
export async function identify(keyring: Keyring, authorization: string | undefined): Promise<Principal> {
  return (await readable(keyring.isOpen())) ? LOCAL_PRINCIPAL : authenticate(keyring, authorization);
}

/** The same at once, where the key is remembered; null where `identify` is to tell. */
export function identifyAtOnce(keyring: Keyring, authorization: string | undefined): Principal | null {
  const secret = keyring.needsKeys() ? secretIn(authorization) : undefined;
  return secret === undefined ? null : keyring.remembered(secret);
}

/** Throws FORBIDDEN where they may not do what needs the role. */
export function requireRole({ role }: Principal, access: Role): void {
  if (!mayAct(role, access)) throw new Problem('FORBIDDEN', `This needs a key of role ${access}; the one received has role ${role}`);
}

function secretIn(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

async function authenticate(keyring: Keyring, authorization: string | undefined): Promise<Principal> {
  const secret = secretIn(authorization);
  if (secret === undefined) {
    throw new Problem('UNAUTHORIZED', `Send "Authorization: Bearer <key>". Received ${authorization ? 'another scheme' : 'no key'}`);
  }
  const found = await readable(keyring.authenticate(secret));
  if (!found) throw new Problem('UNAUTHORIZED', 'The key is not one of this server’s, or was revoked, or has expired');
  return found;
}

function readable<Answer>(answer: Promise<Answer>): Promise<Answer> {
  return answer.catch((cause) => {
    throw new Problem('UNAVAILABLE', 'The keys cannot be read now', { cause });
  });
}
