/** A worker as its own process; TEST_ENGINE says with which engine. */
import pino from 'pino';
import { readConfig } from '../../src/config.ts';
import { inspectModel } from '../../src/upload/inspect.ts';
import { work } from '../../src/worker/work.ts';
import { modelFacts } from '../ledger/samples.ts';

const config = readConfig(process.env);
const worker = await work(config, pino({ level: config.logLevel, base: null }, pino.destination({ fd: 1, sync: true })), {
  ...(process.env.TEST_ENGINE === 'real'
    ? { engineEntry: new URL('../../src/engine/child.ts', import.meta.url), inspectModel }
    : { engineEntry: new URL('./scripted-engine.ts', import.meta.url), inspectModel: async () => modelFacts }),
  environment: process.env,
  cancelGraceMs: 500,
});
process.on('SIGTERM', () => worker.close().then(() => process.exit(0)));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
