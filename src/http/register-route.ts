import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Role } from '../roles.ts';
import { traced } from '../tracing/tracing.ts';
import { admit } from './admit.ts';
import { LOCAL_PRINCIPAL, type Principal } from './principal.ts';
import type { Call, RouteDefinition } from './route.ts';
import type { Services } from './services.ts';
import { validator } from './validation/validator.ts';

const NO_QUERY = Type.Object({}, { additionalProperties: false });
const checkNoBody = validator(Type.Object({}, { additionalProperties: false }), 'body');

/** Puts a route into the application: its query and body are checked before its handler sees them. `closing` is aborted when the server closes. */
export function registerRoute(app: FastifyInstance, definition: RouteDefinition, services: Services, closing: AbortSignal): void {
  const { method, path, access, body, multipart, octets, tus } = definition;
  // Probes come with parameters of their own, to get past caches.
  const checkQuery = access === 'open' ? (value: unknown) => value : validator(definition.query ?? NO_QUERY, 'query');
  const readQuery = (query: unknown) => (definition.query === undefined && isEmpty(query) ? query : checkQuery(query));
  const optionalBody = body?.optional === true;
  const readBody = body ? validator(body.schema, 'body') : multipart || octets || tus ? () => undefined : nothing;
  const isChange = changes(definition);
  const own = { access, closing };
  const callOf = (request: FastifyRequest, reply: FastifyReply) => {
    // Open routes act for nobody.
    const principal = request.principal ?? LOCAL_PRINCIPAL;
    const query = readQuery(request.query);
    const body = isForm(definition, request) ? undefined : readBody(request.body === undefined && optionalBody ? {} : request.body);
    const acting = inTrace(request, isChange ? actingFor(principal, request, services) : services);
    return new RouteCall(request, reply, { query, body, principal, services: acting }, own);
  };
  app.route({
    method,
    url: path,
    config: { access, takes: takenBy(definition).join(' or ') },
    ...(body?.maxBytes === undefined ? {} : { bodyLimit: body.maxBytes }),
    handler(request: FastifyRequest, reply: FastifyReply) {
      const answered = definition.handle(callOf(request, reply));
      // Fastify would wait for a reply that is sent already.
      return answered === reply ? undefined : answered;
    },
  });
}

/** What a handler gets; what few of them look at is made for those. */
class RouteCall implements Call<unknown, unknown> {
  readonly params: Record<string, string>;
  readonly query: unknown;
  readonly body: unknown;
  readonly principal: Principal;
  readonly services: Services;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly #route: { access: 'open' | Role; closing: AbortSignal };
  #gone: AbortSignal | null = null;

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    given: { query: unknown; body: unknown; principal: Principal; services: Services },
    route: { access: 'open' | Role; closing: AbortSignal },
  ) {
    this.params = request.params as Record<string, string>;
    this.query = given.query;
    this.body = given.body;
    this.principal = given.principal;
    this.services = given.services;
    this.request = request;
    this.reply = reply;
    this.#route = route;
  }

  get gone(): AbortSignal {
    this.#gone ??= goneSignal(this.reply, this.#route.closing);
    return this.#gone;
  }

  get stillAllowed(): () => Promise<void> {
    const { services, request } = this;
    const { access } = this.#route;
    return async () => {
      if (access !== 'open') await admit(services.keyring, request.headers.authorization, access);
    };
  }
}

/** Of a route that takes no body: none, or one that says nothing. */
function nothing(body: unknown): void {
  if (body !== undefined && body !== null) checkNoBody(body);
}

function isEmpty(query: unknown): boolean {
  for (const _ in query as object) return false;
  return true;
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
