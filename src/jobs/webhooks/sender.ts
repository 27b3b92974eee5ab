/** Tells webhooks what is due to them: at least once, from the ledger alone. Every `serve` has one; each delivery is claimed by one of them at a time. */
import type { Logger } from 'pino';
import type { Ledger } from '../../ledger/ledger.ts';
import { VERSION } from '../../version.ts';
import { deliver } from './deliver.ts';
import type { Networks } from './networks.ts';
import { ANSWER_WITHIN_MS, type Resolve } from './post-message.ts';
import { outcomeOf } from './schedule.ts';
import type { WebhookSecrets } from './secrets.ts';

/** Of this process. */
const AT_ONCE = 32;
/** Of these, of one tenant: receivers that let everybody wait hold up only their own. */
const TENANT_AT_ONCE = 4;
/** What a claim outlasts an attempt by: time to record its end. */
const CLAIM_SLACK_MS = 30_000;

/** An attempt that has ended, for the metrics. */
export interface Attempted {
  /** `delivered`, or why not. */
  outcome: string;
  duration_ms: number;
}

export interface WebhookSender {
  /** Claims what is due and sends it; the promises end, and never fail, when what became of each is recorded. */
  look(): Promise<Promise<void>[]>;
  /** Gives up what is under way, for another process to send again. */
  close(): Promise<void>;
}

export function openWebhookSender(options: {
  ledger: Ledger;
  secrets: WebhookSecrets;
  networks: Networks;
  log: Logger;
  now?: () => number;
  resolve?: Resolve;
  withinMs?: number;
  /** From 0 to 1. */
  chance?: () => number;
  onAttempted?: (attempted: Attempted) => void;
}): WebhookSender {
  const { ledger, log, now = Date.now, chance = Math.random, onAttempted, withinMs = ANSWER_WITHIN_MS, ...rest } = options;
  const stopping = new AbortController();
  const underWay = new Map<Promise<void>, string>();

  type Claimed = Awaited<ReturnType<Ledger['claimDeliveries']>>[number];

  async function attempt(claimed: Claimed): Promise<void> {
    const { delivery } = claimed;
    const began = performance.now();
    const got = await deliver(claimed, { ...rest, now, withinMs, stopping: stopping.signal, userAgent: `Espalier/${VERSION}` });
    const outcome = outcomeOf(got, delivery.tries, now(), chance());
    await ledger.recordDelivery(delivery.id, delivery.attempts, outcome);
    const duration_ms = Math.round(performance.now() - began);
    onAttempted?.({ outcome: outcome.error ?? 'delivered', duration_ms });
    // No URL: it may hold what opens the receiver's door.
    const said = { job_id: delivery.job_id, webhook_id: delivery.id, attempt: delivery.attempts, duration_ms, status: outcome.status_code };
    if (outcome.error === null) log.info(said, 'Webhook was delivered');
    else if (outcome.error === 'SECRET_UNREADABLE') log.error({ ...said, reason: outcome.detail }, 'Webhook could not be signed');
    else log.warn({ ...said, error: outcome.error, delivery: outcome.status }, 'Webhook was not delivered');
  }

  return {
    async look() {
      if (stopping.signal.aborted || underWay.size >= AT_ONCE) return [];
      const tenants = Map.groupBy(underWay.values(), (tenant) => tenant);
      const busy = [...tenants].filter(([, { length }]) => length >= TENANT_AT_ONCE).map(([tenant]) => tenant);
      const claimed = await ledger.claimDeliveries({
        limit: AT_ONCE - underWay.size,
        perTenant: TENANT_AT_ONCE,
        busy,
        until: now() + withinMs + CLAIM_SLACK_MS,
      });
      return claimed.map((one) => {
        const sent: Promise<void> = attempt(one)
          // What was not recorded is claimed again when the claim has run out.
          .catch((error) => log.error({ err: error, webhook_id: one.delivery.id }, 'What became of a webhook was not recorded'))
          .finally(() => underWay.delete(sent));
        underWay.set(sent, one.delivery.tenant);
        return sent;
      });
    },

    async close() {
      stopping.abort();
      await Promise.all(underWay.keys());
    },
  };
}

/** A sender that looks by itself until it is closed. */
export function startWebhookSender(options: Parameters<typeof openWebhookSender>[0] & { everyMs?: number }): {
  nudge(): void;
  close(): Promise<void>;
} {
  const { everyMs = 1_000, log } = options;
  const sender = openWebhookSender(options);
  let closed = false;
  let looking: Promise<unknown> | null = null;
  const look = () => {
    if (closed || looking) return;
    looking = sender
      .look()
      .catch((error) => log.error({ err: error }, 'Webhooks could not be looked for'))
      .finally(() => {
        looking = null;
      });
  };
  const timer = setInterval(look, everyMs);
  look();
  return {
    nudge: look,

    async close() {
      closed = true;
      clearInterval(timer);
      await looking;
      await sender.close();
    },
  };
}
