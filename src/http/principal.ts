import type { Role } from '../roles.ts';

/** Who asks. Everything a tenant made is invisible to every other. */
export interface Principal {
  tenant: string;
  role: Role;
  /** Which key it is, for the audit trail: `key_…`, `file:` and the id of its line, or `local`. Nothing in it helps to guess the secret. */
  keyId: string;
}

/** The principal of every request to a server without keys, which only this machine can reach. */
export const LOCAL_PRINCIPAL: Principal = { tenant: 'default', role: 'admin', keyId: 'local' };
