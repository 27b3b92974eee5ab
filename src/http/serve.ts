import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Server } from './server.ts';

/**
 * Runs the HTTP server and its dispatcher in this process. Redis may be away, then and later: jobs are taken all the same. Throws an Error when it would
 * listen beyond this machine without keys, or when the address, the keys, the ledger or the blobs cannot be had.
 */
export async function serve(config: Config, log: Logger): Promise<Server> {
  // An upload makes no objects to speak of, only buffers, and V8 lets those pile up to several times its young generation before it looks. One that does
  // not grow bounds what an upload of any size holds, for more and shorter collections. It never shrinks, so this comes before the code is loaded.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { startServer } = await import('./server.ts');
  return startServer(config, log);
}
