/** Secrets at rest: AES-256-GCM under a key that does not lie in the ledger. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
export const SECRETS_KEY_BYTES = 32;

export interface SecretBox {
  /** The secret as text for the ledger. It opens only where `context` is the same, so that rows cannot be swapped. */
  seal(secret: string, context: string): string;
  /** Throws an Error where none of the keys is the one it was sealed with, or where it was changed. */
  open(sealed: string, context: string): string;
}

/** A box with keys of 32 bytes: the first seals, all open, so that a key can be replaced. */
export function secretBox(keys: readonly Buffer[]): SecretBox {
  const named = keys.map((key) => ({
    key,
    name: createHash('sha256').update('espalier secrets key').update(key).digest('hex').slice(0, 8),
  }));
  const [newest] = named;
  if (!newest || keys.some((key) => key.length !== SECRETS_KEY_BYTES)) {
    throw new Error(`A key of secrets has ${SECRETS_KEY_BYTES} bytes`);
  }
  return {
    seal(secret, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, newest.key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const bytes = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return ['v1', newest.name, ...[iv, cipher.getAuthTag(), bytes].map((part) => part.toString('base64url'))].join('.');
    },

    open(sealed, context) {
      const [version, name, ...parts] = sealed.split('.');
      const [iv, tag, bytes] = parts.map((part) => Buffer.from(part, 'base64url'));
      if (version !== 'v1' || !iv || !tag || !bytes) throw new Error('A sealed secret is not in a form that this version reads');
      const found = named.find((candidate) => candidate.name === name);
      if (!found)
        throw new Error(
          `A secret was sealed with the key ${name}, which is not among those given (${named.map((key) => key.name).join(', ')})`,
        );
      const decipher = createDecipheriv(CIPHER, found.key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(bytes), decipher.final()]).toString('utf8');
    },
  };
}
