import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type Server, startServer } from './server.ts';

/**
 * Runs the HTTP server and its dispatcher in this process. Redis may be away, then and later: jobs are taken all the same. Throws an Error when it would
 * listen beyond this machine without keys, or when the address, the keys, the ledger or the blobs cannot be had.
 */
export async function serve(config: Config, log: Logger): Promise<Server> {
  return startServer(config, log);
}
