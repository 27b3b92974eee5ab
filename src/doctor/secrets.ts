import { join } from 'node:path';
import type { Config } from '../config.ts';

/**
 * With what secrets in the ledger are sealed. Throws an Error where several machines would each have a key of their own: what one of them sealed, the
 * others could not open, and webhooks would go unsigned.
 */
export function secretsFinding({ database, dataFolder, secretsKeys }: Pick<Config, 'database' | 'dataFolder' | 'secretsKeys'>): string {
  if (secretsKeys !== null) return `ESPALIER_SECRETS_KEY, ${secretsKeys.length === 1 ? 'one key' : `${secretsKeys.length} keys`}`;
  const kept = join(dataFolder, 'secrets.key');
  if (database.kind === 'postgres')
    throw new Error(
      `ESPALIER_SECRETS_KEY is not set, and the ledger is on Postgres: its servers would each seal webhook secrets with a ${kept} of their own. Set the same on all: openssl rand -base64 32`,
    );
  return `${kept}, made where it is needed; back it up with the ledger`;
}
