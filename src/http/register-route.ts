import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { traced } from '../tracing/tracing.ts';
import { admit } from './admit.ts';
import { LOCAL_PRINCIPAL, type Principal } from './principal.ts';
import type { RouteDefinition } from './route.ts';
import type { Services } from './services.ts';
import { validator } from './validation/validator.ts';

const NO_QUERY = Type.Object({}, { additionalProperties: false });

/** Puts a route into the application: its query and body are checked before its handler sees them. `closing` is aborted when the server closes. */
export function registerRoute(app: FastifyInstance, definition: RouteDefinition, services: Services, closing: AbortSignal): void {
  const { method, path, access, body } = definition;
  // Probes come with parameters of their own, to get past caches.
  const readQuery = access === 'open' ? (value: unknown) => value : validator(definition.query ?? NO_QUERY, 'query');
  const readBody = body ? validator(body.schema, 'body') : () => undefined;
  app.route({
    method,
    url: path,
    config: { access, takes: takenBy(definition).join(' or ') },
    ...(body?.maxBytes === undefined ? {} : { bodyLimit: body.maxBytes }),
    async handler(request: FastifyRequest, reply: FastifyReply) {
      // Open routes act for nobody.
      const principal = request.principal ?? LOCAL_PRINCIPAL;
      // Made for those few who look at it.
      let gone: AbortSignal | undefined;
      return definition.handle({
        params: request.params as Record<string, string>,
        query: readQuery(request.query),
        body: isForm(definition, request) ? undefined : readBody(request.body === undefined && body?.optional ? {} : request.body),
        principal,
        services: inTrace(request, changes(definition) ? actingFor(principal, request, services) : services),
        request,
        reply,
        get gone() {
          gone ??= goneSignal(reply, closing);
          return gone;
        },
        async stillAllowed() {
          if (access !== 'open') await admit(services.keyring, request.headers.authorization, access);
        },
      });
    },
  });
}

function changes({ method, access }: RouteDefinition): boolean {
  return method !== 'GET' && access !== 'open';
}

/** Whatever the handler changes in the ledger is written down as this request's. */
function actingFor({ keyId }: Principal, request: FastifyRequest, services: Services): Services {
  return { ...services, ledger: services.ledger.by({ key_id: keyId, request_id: request.id }) };
}

/** Calls of the ledger are children of the request's span. */
function inTrace({ span }: FastifyRequest, services: Services): Services {
  if (span.traceparent === null) return services;
  return { ...services, ledger: traced(services.ledger, 'ledger', span, ['by', 'close', 'version']) };
}

function takenBy({ body, multipart, octets }: RouteDefinition): string[] {
  if (octets) return [octets];
  return [...(body || !multipart ? ['application/json'] : []), ...(multipart ? ['multipart/form-data'] : [])];
}

/** Whether the body is one that the handler reads itself. */
function isForm({ multipart }: RouteDefinition, request: FastifyRequest): boolean {
  return multipart !== undefined && request.isMultipart();
}

function goneSignal(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const left = new AbortController();
  if (reply.raw.closed) left.abort();
  reply.raw.once('close', () => left.abort());
  return AbortSignal.any([left.signal, closing]);
}
