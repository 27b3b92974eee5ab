import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem, received } from '../../errors.ts';

/** JSON is the only body outside uploads. An object that would change its own prototype is refused; an empty body is no body. */
export function installJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    return parse(request, body, (error, value) => (error ? done(faultOf(body, error)) : done(null, value)));
  });
}

/** The value of a text that came as part of a form, read as a body is. Rejects with Problem INVALID_JSON. */
export function parseJson(request: FastifyRequest, text: string): Promise<unknown> {
  const parse = request.server.getDefaultJsonParser('error', 'error');
  return new Promise((resolve, reject) => {
    parse(request, text, (error, value) => (error ? reject(faultOf(text, error)) : resolve(value)));
  });
}

function faultOf(body: string, cause: Error): Problem {
  try {
    JSON.parse(body);
  } catch (error) {
    return new Problem('INVALID_JSON', `The body is not valid JSON: ${(error as Error).message}. Received: ${received(body)}`, { cause });
  }
  return new Problem('INVALID_JSON', "The body names '__proto__' or 'constructor.prototype', which is refused", { cause });
}
