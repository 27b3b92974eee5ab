/** One POST to somebody else's server, to exactly the addresses that were checked, following nothing, believing nothing. */
import { lookup as systemLookup } from 'node:dns/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { DeliveryError } from '../../ledger/ledger.ts';
import { literalAddress } from './check-target.ts';
import type { Networks } from './networks.ts';

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<{ address: string; family: number }[]>;

/** Why a message did not get as far as an answer. */
export class DeliveryFault extends Error {
  readonly code: DeliveryError;

  constructor(code: DeliveryError, detail: string) {
    super(detail);
    this.name = 'DeliveryFault';
    this.code = code;
  }
}

export interface Answered {
  status: number;
  /** As it came; null where there was none. */
  retryAfter: string | null;
}

/** Of one message: resolving, connecting, sending, and the head of the answer. */
export const ANSWER_WITHIN_MS = 15_000;
/** Of the answer's body, which nobody reads: what is taken before the line is cut. */
const MOST_BODY_BYTES = 65_536;
const MOST_ADDRESSES = 8;

export const resolveBySystem: Resolve = (host) => systemLookup(host, { all: true, verbatim: true });

/**
 * Posts `body` (JSON). The host is resolved once, each of its addresses must be one that webhooks may go to, and the connection goes to one of them: a
 * name that leads somewhere else a moment later gains nothing. `stopping` gives up at once. Throws DeliveryFault.
 */
export async function postMessage(options: {
  url: URL;
  headers: Record<string, string>;
  body: string;
  networks: Networks;
  stopping: AbortSignal;
  resolve?: Resolve;
  withinMs?: number;
}): Promise<Answered> {
  const { url, headers, body, networks, stopping, resolve = resolveBySystem, withinMs = ANSWER_WITHIN_MS } = options;
  const late = AbortSignal.timeout(withinMs);
  const signal = AbortSignal.any([late, stopping]);
  const given = Promise.withResolvers<never>();
  const giveUp = () => given.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  given.promise.catch(() => {});
  try {
    if (signal.aborted) throw signal.reason;
    const addresses = await Promise.race([checkedAddresses(url, networks, resolve), given.promise]);
    return await send({ url, headers, body, addresses, signal });
  } catch (error) {
    if (error instanceof DeliveryFault && !signal.aborted) throw error;
    if (stopping.aborted) throw new DeliveryFault('INTERRUPTED', 'The server stopped while it was sent');
    if (late.aborted) throw new DeliveryFault('TIMED_OUT', `No answer within ${withinMs / 1_000} s`);
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

type Addresses = { address: string; family: number }[];

async function checkedAddresses(url: URL, networks: Networks, resolve: Resolve): Promise<Addresses> {
  const literal = literalAddress(url);
  const found = literal === null ? await resolved(url.hostname, resolve) : [{ address: literal, family: literal.includes(':') ? 6 : 4 }];
  for (const { address } of found) {
    // One that is not allowed spoils the others: no name of the public Internet has such.
    if (!networks.permits(address)) throw new DeliveryFault('ADDRESS_NOT_ALLOWED', `The host is at ${address}, where webhooks do not go`);
    if (url.protocol !== 'https:' && !networks.adds(address)) {
      throw new DeliveryFault('ADDRESS_NOT_ALLOWED', `The host is at ${address}, where webhooks do not go by plain http`);
    }
  }
  return found.slice(0, MOST_ADDRESSES);
}

async function resolved(host: string, resolve: Resolve): Promise<Addresses> {
  const found = await resolve(host).catch((error: NodeJS.ErrnoException) => {
    throw new DeliveryFault('NAME_NOT_RESOLVED', `The host's name leads nowhere: ${error.code ?? error.message}`);
  });
  if (found.length === 0) throw new DeliveryFault('NAME_NOT_RESOLVED', "The host's name has no address");
  return found;
}

function send(options: {
  url: URL;
  headers: Record<string, string>;
  body: string;
  addresses: Addresses;
  signal: AbortSignal;
}): Promise<Answered> {
  const { url, headers, body, addresses, signal } = options;
  const [first] = addresses as [Addresses[number]];
  const pinned: LookupFunction = (_host, { all }, done) => {
    if (all) done(null, addresses);
    else done(null, first.address, first.family);
  };
  return new Promise((answer, fail) => {
    let connected = false;
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      // A connection of its own: one that another message left open was checked for another name.
      agent: false,
      lookup: pinned,
      signal,
    });
    request.on('socket', (socket) => {
      socket.on('connect', () => {
        connected = true;
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const secure = (request.socket as { authorized?: boolean } | null)?.authorized;
      const code = connected && url.protocol === 'https:' && secure !== true ? 'TLS_FAILED' : 'CONNECTION_FAILED';
      fail(new DeliveryFault(code, error.code ?? error.message));
    });
    request.on('response', (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MOST_BODY_BYTES) response.destroy();
      });
      response.on('error', () => {});
      answer({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] ?? null });
    });
    request.end(body);
  });
}
