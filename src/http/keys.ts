import { createHash, randomBytes } from 'node:crypto';
import { isTenant } from './key-line.ts';
import { ROLES } from './principal.ts';

export interface NewKey {
  /** Shown once and kept by nobody: what `Authorization: Bearer` carries. */
  secret: string;
  /** The line for the keys file; nothing in it helps to guess the secret. */
  line: string;
}

/** The form in which a secret is stored. It is random enough that a plain hash cannot be searched. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** A new API key of 256 random bits. Throws an Error for a tenant or a role that is none. */
export function newKey({ tenant, role }: { tenant: string; role: string }): NewKey {
  if (!isTenant(tenant)) throw new Error(`A tenant is letters, digits, '-' and '_', at most 64. Received: ${JSON.stringify(tenant)}`);
  if (!ROLES.some((known) => known === role)) throw new Error(`A role is ${ROLES.join(', ')}. Received: ${JSON.stringify(role)}`);
  const id = randomBytes(4).toString('hex');
  const secret = `esp_${id}_${randomBytes(32).toString('base64url')}`;
  return { secret, line: `${id} ${hashSecret(secret).toString('hex')} ${tenant} ${role}` };
}

/** A new key as text for a terminal: the secret, and the line for the keys file. */
export function generateKey({ tenant, role } = { tenant: 'default', role: 'admin' }): string {
  const { secret, line } = newKey({ tenant, role });
  return `# The key, shown this once: send it as "Authorization: Bearer <key>"\n${secret}\n# The line for ESPALIER_API_KEYS_FILE (id, SHA-256, tenant, role)\n${line}\n`;
}
