/** The queues as bull-board shows them, for admins to look at: what is in Redis now, which is motion and not the truth. */

import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../errors.ts';
import { QUEUE_PREFIX, QUEUES } from '../jobs/queue.ts';
import type { RedisConnection } from '../jobs/redis.ts';
import { ownPolicy, READY_MADE } from './own-policy.ts';

const PATH = '/admin/queues';

/** Its own scripts, styles and answers, and nothing from anywhere else: the fonts that it would fetch from a foreign host among what is not fetched. */
const POLICY = ownPolicy({ ...READY_MADE, 'base-uri': "'self'" });

/** They tell the addresses of clients and the particulars of Redis. */
const HIDDEN = ['/api/redis/stats', '/api/queues/:queueName/workers'];

/** What it looks with, and nothing that it changes with: those routes are not there. */
class LookingAdapter extends FastifyAdapter {
  override setApiRoutes(routes: Parameters<FastifyAdapter['setApiRoutes']>[0]): FastifyAdapter {
    const looks = routes.filter(({ method, route }) => [method].flat().every((name) => name === 'get') && !HIDDEN.includes(`${route}`));
    return super.setApiRoutes(looks);
  }
}

/**
 * Puts the board at /admin/queues. It needs a key of role admin, which a browser sends as the password that it asks for (HTTP Basic), never in a URL.
 * `redis` is an impatient connection, which stays the caller's.
 */
export async function installBoard(app: FastifyInstance, redis: RedisConnection): Promise<void> {
  const adapter = new LookingAdapter();
  adapter.setBasePath(PATH);
  const board = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Espalier', hideRedisDetails: true } },
  });
  const queues: Queue[] = [];
  // Made only while Redis is there: a BullMQ queue that fails to start never starts again.
  const open = () => {
    if (queues.length > 0 || redis.status !== 'ready') return;
    for (const name of QUEUES) {
      const queue = new Queue(name, { connection: redis, prefix: QUEUE_PREFIX });
      // Its errors are those of the connection, which logs them.
      queue.on('error', () => undefined);
      queues.push(queue);
      const shown = new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false });
      // Any client of the same Redis could have written a delivery: what it has besides is nobody's to see.
      shown.setFormatter('data', ({ job_id, attempt } = {}) => ({ job_id, attempt }));
      shown.setFormatter('returnValue', () => null);
      board.addQueue(shown);
    }
  };

  await app.register(
    async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, access: 'admin', browser: true };
      });
      scope.addHook('onRequest', async (_request, reply) => {
        reply.header('content-security-policy', POLICY);
      });
      scope.addHook('preHandler', async ({ routeOptions }) => {
        if (!routeOptions.url?.startsWith(`${PATH}/api/`)) return;
        open();
        if (redis.status !== 'ready') throw new Problem('UNAVAILABLE', 'Redis cannot be reached, and with it the queues');
      });
      // Its own handler of errors would answer with their messages.
      const inside = Object.assign(Object.create(scope), { setErrorHandler: () => inside });
      await new Promise<void>((resolve, reject) => adapter.registerPlugin()(inside, {}, (error) => (error ? reject(error) : resolve())));
    },
    { prefix: PATH },
  );
  app.addHook('onClose', async () => {
    await Promise.all(queues.map((queue) => queue.close().catch(() => undefined)));
  });
}
