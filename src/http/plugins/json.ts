import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem, received } from '../../errors.ts';

/**
 * JSON in UTF-8 is the only body outside uploads. An object that would change its own prototype is refused, and bytes that are no UTF-8; an empty body is no
 * body.
 */
export function installJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(new Problem('INVALID_JSON', 'The body is not UTF-8, which JSON is written in'));
    const body = bytes.toString('utf8');
    return parse(request, body, (error, value) =>
      error ? done(new Problem('INVALID_JSON', faultIn('body', body), { cause: error })) : done(null, value),
    );
  });
}

/** The value of the text of a form's part, read as a body is. Rejects with Problem VALIDATION_FAILED, at the part. */
export function parseJsonPart(request: FastifyRequest, part: string, text: string): Promise<unknown> {
  const parse = request.server.getDefaultJsonParser('error', 'error');
  return new Promise((resolve, reject) => {
    parse(request, text, (error, value) => {
      if (!error) return resolve(value);
      const detail = faultIn(`part '${part}'`, text);
      reject(
        new Problem('VALIDATION_FAILED', detail, { cause: error, items: [{ pointer: `#part:${part}`, detail, received: received(text) }] }),
      );
    });
  });
}

function faultIn(where: string, text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return `The ${where} is not valid JSON: ${(error as Error).message}. Received: ${received(text)}`;
  }
  return `The ${where} names '__proto__' or 'constructor.prototype', which is refused`;
}
