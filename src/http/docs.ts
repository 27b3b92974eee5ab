import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openapiObject } from './openapi.ts';
import { ownPolicy, READY_MADE } from './own-policy.ts';

/** The pages' own scripts and styles and this server's answers, and nothing from anywhere else: they work without a network. */
const POLICY = ownPolicy(READY_MADE);

/** The document as pages to read and try, at /docs. */
export async function installDocs(app: FastifyInstance): Promise<void> {
  // The document is ours and checked by a linter; the plugin's type of it is narrower than OpenAPI 3.1.
  await app.register(swagger, { mode: 'static', specification: { document: openapiObject() as never } });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: POLICY,
    uiConfig: { deepLinking: true, validatorUrl: null, persistAuthorization: false },
  });
}
