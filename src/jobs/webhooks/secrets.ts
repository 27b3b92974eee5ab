/** The secrets that sign a tenant's webhooks: made here, shown once, sealed in the ledger. */
import { randomBytes } from 'node:crypto';
import type { IdempotencyClaim, Ledger, WebhookSecretRow } from '../../ledger/ledger.ts';
import { newId } from '../ids.ts';
import type { SecretBox } from './secret-box.ts';

/** Standard Webhooks takes 24 to 64 bytes. */
const SECRET_BYTES = 32;
const PREFIX = 'whsec_';
/** How many of a tenant may sign at once: a message has one signature of each. */
export const MOST_SECRETS = 4;

export interface WebhookSecrets {
  /** A new secret, `whsec_` and base64; those before it go on signing for `overlapMs`. `by` is the ledger that acts for whoever asked; with a claim, the key names it from then on. */
  rotate(
    tenant: string,
    overlapMs: number,
    by?: Pick<Ledger, 'insertWebhookSecret'>,
    claim?: IdempotencyClaim,
  ): Promise<{ secret: string; rows: WebhookSecretRow[] }>;
  /** The same of one that was made before; null where it signs no more. */
  again(tenant: string, id: string): Promise<{ secret: string; rows: WebhookSecretRow[] } | null>;
  /** Those that sign now, newest first, without what they are. */
  list(tenant: string): Promise<WebhookSecretRow[]>;
  /** Those that sign now, newest first. Throws an Error where one cannot be opened. */
  open(tenant: string): Promise<string[]>;
}

/** Over the ledger and the box, which is opened when it is first needed. */
export function webhookSecrets(ledger: Ledger, openBox: () => Promise<SecretBox>, now: () => number = Date.now): WebhookSecrets {
  let opened: Promise<SecretBox> | null = null;
  const box = (): Promise<SecretBox> => {
    opened ??= openBox().catch((error) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  const contextOf = ({ tenant, id }: Pick<WebhookSecretRow, 'tenant' | 'id'>): string => `webhook secret ${id} of ${tenant}`;
  return {
    async rotate(tenant, overlapMs, by = ledger, claim = undefined) {
      const secret = `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
      const key = { id: newId('whs'), tenant };
      const created_at = now();
      const sealed = (await box()).seal(secret, contextOf(key));
      await by.insertWebhookSecret({ ...key, sealed, created_at, expires_at: null }, created_at + overlapMs, MOST_SECRETS, claim);
      return { secret, rows: await ledger.listWebhookSecrets(tenant) };
    },

    async again(tenant, id) {
      const rows = await ledger.listWebhookSecrets(tenant);
      const row = rows.find((known) => known.id === id);
      return row ? { secret: (await box()).open(row.sealed, contextOf(row)), rows } : null;
    },

    list: (tenant) => ledger.listWebhookSecrets(tenant),

    async open(tenant) {
      const rows = await ledger.listWebhookSecrets(tenant);
      const { open } = await box();
      return rows.map((row) => open(row.sealed, contextOf(row)));
    },
  };
}
