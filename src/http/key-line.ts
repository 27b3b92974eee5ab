import { ROLES, type Role, roleOf } from '../roles.ts';

/** One key as the keys file holds it. */
export interface StoredKey {
  id: string;
  /** SHA-256 of the secret. */
  hash: Buffer;
  tenant: string;
  role: Role;
}

/** What the name of a tenant is made of, as a JSON Schema pattern. */
export const TENANT_PATTERN = '^[A-Za-z0-9_-]{1,64}$';

/** Whether the text can be a tenant's name. */
export function isTenant(text: string): boolean {
  return new RegExp(TENANT_PATTERN).test(text);
}

/** A line of the keys file: id, SHA-256 in hex, tenant, role, apart by spaces. Null for an empty line or a comment; throws an Error for a line that is no key. */
export function parseKeyLine(line: string): StoredKey | null {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return null;
  const [id, hash, tenant, role, ...rest] = text.split(/\s+/);
  const known = roleOf(role ?? '');
  if (!id || !hash || !tenant || !known || rest.length > 0) {
    throw new Error(`a key is an id, a SHA-256, a tenant and a role (${ROLES.join(', ')})`);
  }
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Error('the SHA-256 is 64 digits of lower-case hex');
  if (!isTenant(tenant)) throw new Error("a tenant is letters, digits, '-' and '_', at most 64");
  return { id, hash: Buffer.from(hash, 'hex'), tenant, role: known };
}
