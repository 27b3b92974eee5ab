/** Every error becomes a problem object of RFC 9457, whoever raised it: a handler, the parser, the router, or the HTTP parser below them. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem, type ProblemCode, problemDocument, Unavailable } from '../../errors.ts';
import { JSON_BODY_LIMIT_BYTES } from '../limits.ts';
import { newRequestId } from './request-id.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Installs the handler for errors. */
export function installProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: unknown, request, reply) => sendProblem(asProblem(error, request), request, reply));
}

/** Answers with a problem. What the caller cannot have caused is logged; its particulars stay in the log. */
export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const document = { ...problemDocument(problem.code, problem.message, problem.items), request_id: request.id };
  if (document.status >= 500 && problem.cause) request.log.error({ err: problem.cause, code: problem.code }, 'Request failed');
  return reply
    .code(document.status)
    .headers({ ...RETRY_AFTER[problem.code], ...problem.headers })
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(document));
}

const RETRY_AFTER: Partial<Record<ProblemCode, Record<string, string>>> = {
  TOO_MANY_REQUESTS: { 'retry-after': '5' },
  UNAVAILABLE: { 'retry-after': '1' },
  PREDICTION_TIMED_OUT: { 'retry-after': '5' },
  UNAUTHORIZED: { 'www-authenticate': 'Bearer realm="Espalier"' },
};

/** Any error as a problem; one that nobody foresaw becomes INTERNAL and says nothing of itself. */
export function asProblem(error: unknown, request?: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Unavailable) return new Problem('UNAVAILABLE', error.message, { cause: error });
  const { code, statusCode, message } = error as FastifyError;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('PAYLOAD_TOO_LARGE', `A JSON body may have ${request?.routeOptions.bodyLimit ?? JSON_BODY_LIMIT_BYTES} bytes`);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_INVALID_MULTIPART_CONTENT_TYPE':
      return unsupportedType(request);
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_INVALID_JSON_FIELD_ERROR':
      return new Problem('INVALID_JSON', message);
  }
  if (error instanceof SyntaxError && statusCode === 400) return new Problem('INVALID_JSON', message);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Problem('MALFORMED_REQUEST', message);
  return new Problem('INTERNAL', 'The service failed. The request id finds the reason in its log', { cause: error });
}

function unsupportedType(request: FastifyRequest | undefined): Problem {
  const { takes = 'application/json' } = request?.routeOptions.config ?? {};
  const given = request?.headers['content-type'] ?? 'none';
  return new Problem('UNSUPPORTED_MEDIA_TYPE', `This call takes ${takes}. Received: ${given}`, {
    headers: { accept: takes.replaceAll(' or ', ', ') },
  });
}

/** Answers on the bare socket what was not even HTTP, too slow, or too long in its headers: before there is a request, so that it has an id of its own and is in no log. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const [status, detail] = CLIENT_ERRORS[error.code ?? ''] ?? [400, 'The request is not HTTP'];
  const id = newRequestId();
  const body = JSON.stringify({ ...problemDocument('MALFORMED_REQUEST', detail), status, request_id: id });
  const headers = {
    ...SECURITY_HEADERS,
    'x-request-id': id,
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}

const CLIENT_ERRORS: Record<string, [status: number, detail: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive'],
  HPE_HEADER_OVERFLOW: [431, 'The request line and the headers are too long: together they may have 16 KiB'],
  HPE_INVALID_METHOD: [400, 'The method is none of HTTP'],
};
