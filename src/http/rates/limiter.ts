import type { Logger } from 'pino';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RedisConnection } from '../../jobs/redis.ts';
import type { Principal } from '../principal.ts';

/** Requests are counted over windows of so long, each beginning with the first request in it. */
export const WINDOW_S = 60;

/** Requests that a key, and all keys of a tenant together, may make in a window; null: as many as they like. */
export interface Rates {
  key: number | null;
  tenant: number | null;
}

/** Where a request stands with one of the limits. */
export interface Standing {
  policy: keyof Rates;
  /** Requests in a window. */
  quota: number;
  /** Of them, those left in this one. */
  remaining: number;
  /** Whole seconds until it ends, at least 1. */
  reset_s: number;
  /** There is none left for this request. */
  exceeded: boolean;
}

export interface RateLimiter {
  /**
   * Counts a request, by its key first: one that is over that is not counted by its tenant. Every limit that was looked at, the one that is exceeded last; empty where
   * there is none.
   */
  count(principal: Pick<Principal, 'keyId' | 'tenant'>): Promise<Standing[]>;
}

/** While Redis does not answer it is left alone for so long. */
const LEFT_ALONE_MS = 5_000;

/**
 * Counts in Redis, over all servers; where that does not answer in its process' memory, so that each server allows the limit for itself: Redis being away
 * never refuses anybody who would not be refused anyway. `elapsed` (ms) only goes forward.
 */
export function openRateLimiter(
  rates: Rates,
  { redis, log, elapsed = () => performance.now() }: { redis: RedisConnection; log: Logger; elapsed?: () => number },
): RateLimiter {
  const limits = (['key', 'tenant'] as const).flatMap((policy) => {
    const points = rates[policy];
    if (points === null) return [];
    const options = { points, duration: WINDOW_S, keyPrefix: `espalier:rate:${policy}` };
    return [
      {
        policy,
        points,
        shared: new RateLimiterRedis({ ...options, storeClient: redis, rejectIfRedisNotReady: true, inMemoryBlockOnConsumed: points + 1 }),
        own: new RateLimiterMemory(options),
      },
    ];
  });
  /** Since when Redis does not answer, and when it is asked again: by one request, so that not all wait for it. */
  let away: { askAt: number } | null = null;

  async function consume({ shared, own }: (typeof limits)[number], who: string): Promise<Counted> {
    if (away === null || elapsed() >= away.askAt) {
      if (away) away = { askAt: elapsed() + LEFT_ALONE_MS };
      try {
        const counted = await asValue(shared.consume(who));
        if (away) log.info('Requests are counted over all servers again');
        away = null;
        return counted;
      } catch (error) {
        if (!away) log.warn({ err: error }, 'Requests are counted by each server for itself: Redis does not answer');
        away = { askAt: elapsed() + LEFT_ALONE_MS };
      }
    }
    return asValue(own.consume(who));
  }

  return {
    async count({ keyId, tenant }) {
      const standings: Standing[] = [];
      for (const limit of limits) {
        const { exceeded, remainingPoints, msBeforeNext } = await consume(limit, limit.policy === 'key' ? keyId : tenant);
        const reset_s = Math.max(1, Math.ceil(msBeforeNext / 1_000));
        standings.push({ policy: limit.policy, quota: limit.points, remaining: remainingPoints, reset_s, exceeded });
        if (exceeded) break;
      }
      return standings;
    },
  };
}

type Counted = Pick<RateLimiterRes, 'remainingPoints' | 'msBeforeNext'> & { exceeded: boolean };

/** A request over the limit is a rejection, which is no fault. */
function asValue(consumed: Promise<RateLimiterRes>): Promise<Counted> {
  return consumed.then(
    ({ remainingPoints, msBeforeNext }) => ({ remainingPoints, msBeforeNext, exceeded: false }),
    (reason) => {
      if (!(reason instanceof RateLimiterRes)) throw reason;
      return { remainingPoints: 0, msBeforeNext: reason.msBeforeNext, exceeded: true };
    },
  );
}
