import type { FastifyInstance } from 'fastify';
import { Problem } from '../../errors.ts';

const CHARSET = /;\s*charset="?([^";\s]*)/i;

/** Bodies come as they are, and texts in UTF-8: what is compressed, or in another character set, would be read as something else. */
export function installEncodings(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const {
      'content-encoding': coding,
      'content-type': type = '',
      'content-length': length,
      'transfer-encoding': transfer,
    } = request.headers;
    if (transfer === undefined && (length === undefined || length === '0')) return done();
    if (coding !== undefined && coding.toLowerCase() !== 'identity') {
      return done(refused(`A body comes as it is, without Content-Encoding. Received: ${coding}`));
    }
    const charset = CHARSET.exec(type)?.[1];
    if (charset !== undefined && !/^utf-?8$/i.test(charset)) return done(refused(`Texts are UTF-8. Received: charset=${charset}`));
    done();
  });
}

function refused(detail: string): Problem {
  return new Problem('UNSUPPORTED_MEDIA_TYPE', detail, { headers: { 'accept-encoding': 'identity' } });
}
