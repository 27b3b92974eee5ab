/** A worker as its own process, with the scripted engine. */
import pino from 'pino';
import { readConfig } from '../../src/config.ts';
import { work } from '../../src/worker/work.ts';
import { modelFacts } from '../ledger/samples.ts';

const config = readConfig(process.env);
const worker = await work(config, pino({ level: config.logLevel, base: null }, pino.destination({ fd: 1, sync: true })), {
  engineEntry: new URL('./scripted-engine.ts', import.meta.url),
  environment: process.env,
  inspectModel: async () => modelFacts,
  cancelGraceMs: 500,
});
process.on('SIGTERM', () => worker.close().then(() => process.exit(0)));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
