import { hash, randomBytes } from 'node:crypto';
import { ROLES, type Role, roleOf } from '../roles.ts';
import { isTenant } from './key-line.ts';

export interface NewKey {
  /** Shown once and kept by nobody: what `Authorization: Bearer` carries. */
  secret: string;
  /** The line for the keys file; nothing in it helps to guess the secret. */
  line: string;
}

/** The form in which a secret is stored. It is random enough that a plain hash cannot be searched. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** The same as the ledger keeps it, in hex. */
export function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/** A new secret of 256 random bits, under a prefix that scanners for leaked secrets can know it by. */
export function newSecret(): string {
  return `esp_${randomBytes(32).toString('base64url')}`;
}

/** The tenant and the role of these names. Throws an Error for one that is none. */
export function tenantAndRole(tenant: string, role: string): { tenant: string; role: Role } {
  if (!isTenant(tenant)) throw new Error(`A tenant is letters, digits, '-' and '_', at most 64. Received: ${JSON.stringify(tenant)}`);
  const known = roleOf(role);
  if (!known) throw new Error(`A role is ${ROLES.join(', ')}. Received: ${JSON.stringify(role)}`);
  return { tenant, role: known };
}

/** A new API key for the keys file. Throws an Error for a tenant or a role that is none. */
export function newKey(named: { tenant: string; role: string }): NewKey {
  const { tenant, role } = tenantAndRole(named.tenant, named.role);
  const id = randomBytes(4).toString('hex');
  const secret = newSecret();
  return { secret, line: `${id} ${hashOf(secret)} ${tenant} ${role}` };
}

/** A new key of the keys file as text for a terminal: the secret, and the line for the file. */
export function generateKey({ tenant, role } = { tenant: 'default', role: 'admin' }): string {
  const { secret, line } = newKey({ tenant, role });
  return `# The key, shown this once: send it as "Authorization: Bearer <key>"\n${secret}\n# The line for ESPALIER_API_KEYS_FILE (id, SHA-256, tenant, role)\n${line}\n`;
}
