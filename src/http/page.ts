import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { ownPolicy } from './own-policy.ts';

/** What `npm run page` makes of page/: kept in the repository, so that neither a checkout nor an image has to build it. */
const FOLDER = fileURLToPath(new URL('./page', import.meta.url));

/** Files of this server and its answers, and nothing else: no script or style inline, no other site, no frame, no form that goes anywhere by itself. */
const POLICY = ownPolicy();

/** The live page at `/`. It is open: what it shows it asks for with the key of whoever looks at it. */
export async function installPage(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: FOLDER,
    wildcard: false,
    decorateReply: false,
    cacheControl: false,
    setHeaders(reply, path) {
      reply.header('content-security-policy', POLICY);
      // Assets have a hash of their content in their name.
      reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
