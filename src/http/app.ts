import multipart from '@fastify/multipart';
import { type FastifyInstance, fastify, LogController } from 'fastify';
import { openPredictions } from '../jobs/predictions/client.ts';
import { installBoard } from './board.ts';
import type { AppDeps } from './deps.ts';
import { installDocs } from './docs.ts';
import { openJobViews } from './job-views.ts';
import { openKeyring } from './keyring.ts';
import { lazyLogger } from './lazy-log.ts';
import { JSON_BODY_LIMIT_BYTES, REPORTS_AT_ONCE } from './limits.ts';
import { openapiDocument } from './openapi.ts';
import { installPage } from './page.ts';
import { pathMethods } from './path-methods.ts';
import { installAccess, installRoles } from './plugins/access.ts';
import { installClosing } from './plugins/closing.ts';
import { installEncodings } from './plugins/encodings.ts';
import { installJson } from './plugins/json.ts';
import { installLocalOnly } from './plugins/local-only.ts';
import { installMeasurements } from './plugins/measurements.ts';
import { installNotFound } from './plugins/not-found.ts';
import { answerClientError, asProblem, installProblems, sendProblem } from './plugins/problems.ts';
import { installRateLimits } from './plugins/rate-limits.ts';
import { installRequestId, requestId } from './plugins/request-id.ts';
import { installRequestLog } from './plugins/request-log.ts';
import { installSecurityHeaders, SECURITY_HEADERS } from './plugins/security-headers.ts';
import { installTracing } from './plugins/tracing.ts';
import { openRateLimiter } from './rates/limiter.ts';
import { registerRoute } from './register-route.ts';
import { openRenderer } from './reports/renderer.ts';
import { ROUTES } from './routes/index.ts';
import type { Services } from './services.ts';
import { openSlots } from './slots.ts';
import { installTus } from './tus/protocol.ts';

/** The application over what it is given. It listens nowhere yet, and owns none of what it was given. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    loggerInstance: lazyLogger(deps.log),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    return503OnClosing: false,
    genReqId: requestId,
    bodyLimit: JSON_BODY_LIMIT_BYTES,
    // A connection on which nothing moves is given up; the longest answer is held back for a minute.
    connectionTimeout: 120_000,
    // A large upload over a slow line takes its time.
    requestTimeout: 3_600_000,
    keepAliveTimeout: 72_000,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      reply.headers({ ...SECURITY_HEADERS, 'x-request-id': request.id });
      sendProblem(asProblem(error), request, reply);
    },
    routerOptions: { maxParamLength: 200 },
  });
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());

  const methodsOf = pathMethods(app);
  installProblems(app);
  installRequestId(app);
  installSecurityHeaders(app);
  installTracing(app, deps.tracing);
  installRequestLog(app);
  installMeasurements(app, deps.metrics);
  installClosing(app, closing.signal);
  const keyring = openKeyring({ file: deps.keys, ledger: deps.ledger, log: deps.log });
  // What it says of the first request it knows by then.
  await keyring.isOpen();
  installLocalOnly(app, keyring);
  installNotFound(app, methodsOf);
  installEncodings(app);
  installAccess(app, keyring);
  const { key, tenant } = deps.limits.requestsPerMinute;
  if (key !== null || tenant !== null) installRateLimits(app, openRateLimiter({ key, tenant }, deps));
  installRoles(app);
  const services: Services = {
    ...deps,
    keyring,
    jobViews: openJobViews(),
    uploads: openSlots(deps.limits.uploadsAtOnce, 'uploads'),
    reporting: openSlots(REPORTS_AT_ONCE, 'reports'),
    reports: openRenderer(),
    followers: openSlots(deps.limits.followersAtOnce, 'followed jobs'),
    predictions: openPredictions(deps.redis, deps.log),
    openapi: await openapiDocument(),
  };

  app.addHook('onClose', () => services.predictions.close());
  app.addHook('onClose', () => services.reports.close());

  await app.register(async (json) => {
    installJson(json);
    for (const route of ROUTES) if (!route.multipart && !route.tus) registerRoute(json, route, services, closing.signal);
  });
  await app.register(async (uploads) => {
    uploads.removeAllContentTypeParsers();
    await uploads.register(multipart);
    for (const route of ROUTES) if (route.multipart && !route.body) registerRoute(uploads, route, services, closing.signal);
  });
  await app.register(async (either) => {
    installJson(either);
    await either.register(multipart);
    for (const route of ROUTES) if (route.multipart && route.body) registerRoute(either, route, services, closing.signal);
  });
  await app.register(async (tus) => {
    installTus(tus);
    for (const route of ROUTES) if (route.tus) registerRoute(tus, route, services, closing.signal);
  });
  await installDocs(app);
  if (deps.board) await installBoard(app, deps.redis);
  await installPage(app);
  await app.ready();
  return app;
}
