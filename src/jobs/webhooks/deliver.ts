import { Webhook as Signer } from 'standardwebhooks';
import type { DeliveryRow, JobRow } from '../../ledger/ledger.ts';
import { webhookMessage } from './message.ts';
import type { Networks } from './networks.ts';
import { type Answered, DeliveryFault, postMessage, type Resolve } from './post-message.ts';
import type { WebhookSecrets } from './secrets.ts';

/** One attempt: signs the message with every secret that signs now, and posts it. What came of it; throws only what is a fault of this program. */
export async function deliver(
  { delivery, job }: { delivery: DeliveryRow; job: JobRow },
  parts: {
    secrets: WebhookSecrets;
    networks: Networks;
    stopping: AbortSignal;
    userAgent: string;
    now: () => number;
    resolve?: Resolve;
    withinMs?: number;
  },
): Promise<Answered | DeliveryFault> {
  const { secrets, now, userAgent, ...rest } = parts;
  const body = JSON.stringify(webhookMessage(job, delivery.event, delivery.created_at));
  const sentAt = new Date(now());
  const opened = await secrets.open(delivery.tenant).catch((error: Error) => new DeliveryFault('SECRET_UNREADABLE', error.message));
  if (opened instanceof DeliveryFault) return opened;
  if (opened.length === 0) return new DeliveryFault('SECRET_UNREADABLE', 'The tenant has no secret to sign with');
  const headers = {
    'content-type': 'application/json',
    'user-agent': userAgent,
    'webhook-id': delivery.id,
    'webhook-timestamp': `${Math.floor(sentAt.getTime() / 1_000)}`,
    'webhook-signature': opened.map((secret) => new Signer(secret).sign(delivery.id, sentAt, body)).join(' '),
  };
  return postMessage({ url: new URL(delivery.url), headers, body, ...rest }).catch((error) => {
    if (error instanceof DeliveryFault) return error;
    throw error;
  });
}
