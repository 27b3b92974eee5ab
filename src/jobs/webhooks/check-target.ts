import { isIP } from 'node:net';
import { received } from '../../errors.ts';
import { refuse } from '../refuse.ts';
import type { Webhook } from '../spec/index.ts';
import type { Networks } from './networks.ts';

/** The host of a URL as an address, without the brackets of IPv6; null for a name. `localhost` is what it always means. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return host;
  return /^(.*\.)?localhost\.?$/.test(host) ? '127.0.0.1' : null;
}

/**
 * Refuses at the POST what can be known of a webhook's URL then: where its name leads is looked up, and checked, each time something is sent. Throws
 * WEBHOOK_URL_REFUSED.
 */
export function checkTarget({ url }: Webhook, networks: Networks): void {
  // A URL may hold what is nobody else's business, and an error ends up in logs.
  const no = (detail: string, shown: string): never => refuse('WEBHOOK_URL_REFUSED', '/webhook/url', detail, shown);
  if (!URL.canParse(url)) no('The webhook’s URL cannot be read. Accepted: an https:// URL.', url);
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') {
    no('Webhooks go by HTTP. Accepted: an https:// URL.', parsed.protocol);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    no('The URL has credentials, which would be stored and shown with the job. Accepted: one without; messages are signed.', parsed.host);
  }
  if (parsed.hash !== '') no('The URL has a fragment, which is never sent. Accepted: one without.', parsed.hash);
  const address = literalAddress(parsed);
  if (address !== null && !networks.permits(address)) {
    no(
      `${address} is not an address of the public Internet. Accepted: those, and networks in the service's ESPALIER_WEBHOOK_NETWORKS.`,
      parsed.host,
    );
  }
  if (parsed.protocol === 'http:' && !(address === null ? networks.any : networks.adds(address))) {
    no(
      `Plain http is for networks in the service's ESPALIER_WEBHOOK_NETWORKS. Accepted: https:// instead of ${received(parsed.origin)}.`,
      parsed.origin,
    );
  }
}
