import type { FastifyInstance } from 'fastify';
import { Problem } from '../../errors.ts';
import { LOCAL_PRINCIPAL } from '../principal.ts';
import { rateHeaders } from '../rates/headers.ts';
import { type RateLimiter, WINDOW_S } from '../rates/limiter.ts';

/**
 * Counts every request that came with a key, and says in its answer where its key and its tenant stand. Comes after access: whose request it is is known by
 * then. A server without keys, which only this machine can reach, counts none.
 */
export function installRateLimits(app: FastifyInstance, limiter: RateLimiter): void {
  app.addHook('onRequest', async (request, reply) => {
    const { principal } = request;
    if (principal === null || principal === LOCAL_PRINCIPAL) return;
    const standings = await limiter.count(principal);
    reply.headers(rateHeaders(standings));
    const last = standings.at(-1);
    if (!last?.exceeded) return;
    const whose = last.policy === 'key' ? 'A key' : 'A tenant';
    const detail = `${whose} may make ${last.quota} requests in ${WINDOW_S} s; there are none left for ${last.reset_s} s`;
    throw new Problem('RATE_LIMIT_EXCEEDED', detail, { headers: { 'retry-after': `${last.reset_s}` } });
  });
}
