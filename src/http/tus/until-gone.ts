import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';

/**
 * The body as far as it comes: it ends, without an error, also where the connection breaks or the server closes, so that what came before can be kept.
 * `isWhole` says then whether all of it has come.
 */
export function untilGone(request: IncomingMessage, gone: AbortSignal): { source: PassThrough; isWhole: () => boolean } {
  const source = new PassThrough();
  let cut = false;
  const end = () => {
    if (source.writableEnded) return;
    cut = true;
    request.unpipe(source);
    source.end();
  };
  request.on('error', end);
  request.once('close', end);
  if (gone.aborted) end();
  else gone.addEventListener('abort', end, { once: true });
  request.pipe(source);
  return { source, isWhole: () => !cut && request.complete };
}
