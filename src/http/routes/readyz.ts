import Type from 'typebox';
import { Problem, type ProblemItem } from '../../errors.ts';
import { listWorkers } from '../../jobs/workers.ts';
import { strictObject } from '../../schema.ts';
import { route } from '../route.ts';
import type { Services } from '../services.ts';

export const Readiness = strictObject(
  {
    status: Type.Literal('ready'),
    ledger: Type.Literal('ok'),
    blobs: Type.Literal('ok'),
    redis: Type.Literal('ok'),
    worker: Type.Literal('ok'),
  },
  { title: 'Readiness' },
);

/** What has to be there, and how to find out. */
const CHECKS: Record<string, (services: Services) => Promise<unknown>> = {
  ledger: ({ ledger }) => ledger.check(),
  blobs: ({ blobs }) => blobs.check(),
  redis: ({ redis }) => redis.ping(),
  async worker({ redis }) {
    const workers = await listWorkers(redis).catch(() => []);
    if (workers.length === 0) throw new Error('No worker is on the list');
  },
};

export const readyz = route({
  method: 'GET',
  path: '/readyz',
  operationId: 'getReadiness',
  summary: 'Whether jobs can be taken and run',
  description: 'Names what is missing: `ledger`, `blobs`, `redis`, `worker`.',
  tag: 'Service',
  access: 'open',
  answers: {
    200: {
      description: 'Everything is there.',
      content: {
        'application/json': {
          schema: Readiness,
          example: { status: 'ready', ledger: 'ok', blobs: 'ok', redis: 'ok', worker: 'ok' },
        },
      },
    },
  },
  problems: ['UNAVAILABLE'],

  async handle({ services, request }) {
    const names = Object.keys(CHECKS);
    const outcomes = await Promise.allSettled(names.map((name) => CHECKS[name]?.(services)));
    const items: ProblemItem[] = [];
    outcomes.forEach((outcome, index) => {
      if (outcome.status === 'fulfilled') return;
      const name = names[index] as string;
      // The reason may tell of paths and addresses, which are for the log.
      request.log.debug({ err: outcome.reason, part: name }, 'A part of the service is missing');
      items.push({ pointer: `/${name}`, detail: MISSING[name] ?? 'is missing' });
    });
    if (items.length > 0) {
      const missing = items.map(({ pointer }) => pointer.slice(1)).join(', ');
      throw new Problem('UNAVAILABLE', `Not ready, missing: ${missing}`, { items });
    }
    return { status: 'ready', ...Object.fromEntries(names.map((name) => [name, 'ok'])) };
  },
});

const MISSING: Record<string, string> = {
  ledger: 'The ledger cannot be read and written',
  blobs: 'Bytes cannot be written',
  redis: 'Redis does not answer',
  worker: 'No worker is running, or none can be seen because Redis does not answer',
};
