/** The command line. The only file that reads arguments, the environment and signals. */
import { stat, writeFile } from 'node:fs/promises';
import pino, { type Logger } from 'pino';
import { type Config, readConfig } from './config.ts';
import { KEYS_USAGE } from './http/keys-usage.ts';
import type { ReadyMessage } from './up/espalier-part.ts';
import { VERSION } from './version.ts';

const ENGINE = new URL('./engine/child.ts', import.meta.url);
/** How long a process may take to stop before it ends itself the hard way. */
const STOP_LIMIT_MS = 10_000;
/** The same for one whose parent has ended: its port and its files are wanted by whoever starts next. */
const ORPHAN_STOP_LIMIT_MS = 1_000;

interface Command {
  /** Arguments it takes, as the help shows them. */
  takes?: string[];
  /** It reads its arguments itself, options among them. */
  open?: boolean;
  summary: string;
  /** More of its help. */
  details?: string;
  run(values: string[]): Promise<void>;
}

const COMMANDS: Record<string, Command> = {
  up: { summary: 'Run everything on this machine: Redis, the server and a worker', run: runUp },
  serve: { summary: 'Run the HTTP server', run: runServe },
  work: { summary: 'Run a worker: it computes the jobs', run: runWork },
  doctor: { summary: 'Print the configuration with what it means, and check what the service needs', run: runDoctor },
  gc: { takes: ['[--dry-run]', '[--json]'], summary: 'Delete the bytes that nobody needs, as the server does every hour', run: runGc },
  verify: { takes: ['[--json]'], summary: 'Compare every stored byte with the ledger (exit code 1: something is wrong)', run: runVerify },
  keys: {
    takes: ['create|list|revoke', '...'],
    open: true,
    summary: 'Make, list and revoke API keys in the ledger (docs/access.md)',
    details: KEYS_USAGE.replaceAll(' | ', '\n'),
    run: runKeys,
  },
  key: { takes: ['[tenant]', '[role]'], summary: 'Generate an API key and the line for ESPALIER_API_KEYS_FILE', run: runKey },
  pack: { takes: ['<model>', '<file.esp>'], summary: 'Write a model of any format as an .esp file (docs/esp.md)', run: runPack },
  unpack: { takes: ['<file.esp>', '<file.keras>'], summary: 'Write the .keras file of an .esp file', run: runUnpack },
  openapi: { summary: 'Print the OpenAPI document', run: runOpenapi },
};

const HELP = `Espalier ${VERSION}: makes neural networks smaller, and measures every claim it makes.

Usage: espalier <command>

${Object.entries(COMMANDS)
  .map(([name, { takes = [], summary }]) => `  ${[name, ...takes].join(' ').padEnd(22)} ${summary}`)
  .join('\n')}

  --help                 Print this
  --version              Print the version

Everything else is set by environment variables: espalier doctor prints them.
`;

// Whoever reads may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
await main(process.argv.slice(2));

async function main([name, ...rest]: string[]): Promise<void> {
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return;
  }
  if (name === '--version') {
    process.stdout.write(`${VERSION}\n`);
    return;
  }
  const command = name === undefined ? undefined : COMMANDS[name];
  if (command && rest.some((value) => value === '--help' || value === '-h')) {
    process.stdout.write(
      `Usage: espalier ${[name, ...(command.takes ?? [])].join(' ')}\n\n${command.summary}\n${command.details ? `\n${command.details}\n` : ''}`,
    );
    return;
  }
  if (!command || (!command.open && rest.length > (command.takes ?? []).length)) {
    const complaint = command
      ? `espalier ${name} takes ${command.takes?.join(' ') ?? 'no arguments'}. Received: ${rest.join(' ')}`
      : name === undefined
        ? 'A command is needed.'
        : `Unknown command: ${name}`;
    process.stderr.write(`${complaint}\n\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  try {
    await command.run(rest);
  } catch (error) {
    process.stderr.write(`espalier ${name}: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

async function runUp(): Promise<void> {
  const { config, log } = setUp('up');
  const { up } = await import('./up/up.ts');
  const stopping = stopSignal(log);
  const service = await up({ config, log, environment: process.env, main: new URL(import.meta.url), stopping }).catch((error) => {
    if (stopping.aborted) process.exit(0);
    throw error;
  });
  log.info({ address: service.address, data: config.dataFolder }, 'Espalier is ready');
  await aborted(stopping);
  await service.stop();
  log.info('Espalier stopped');
  process.exit(0);
}

async function runServe(): Promise<void> {
  const { config, log } = setUp('serve');
  const { serve } = await import('./http/serve.ts');
  const stopping = stopSignal(log);
  const server = await serve(config, log);
  tellParent({ kind: 'ready', address: server.address });
  await aborted(stopping);
  limitStop(log);
  await server.close();
  process.exit(0);
}

async function runWork(): Promise<void> {
  const { config, log } = setUp('work');
  const [{ work }, { inspectModel }] = await Promise.all([import('./worker/work.ts'), import('./upload/inspect.ts')]);
  const stopping = stopSignal(log);
  const worker = await work(config, log, { engineEntry: ENGINE, environment: process.env, inspectModel });
  tellParent({ kind: 'ready', address: null });
  await aborted(stopping);
  limitStop(log);
  await worker.close();
  process.exit(0);
}

async function runDoctor(): Promise<void> {
  const { doctor } = await import('./doctor/doctor.ts');
  const { text, healthy } = await doctor(readConfig(process.env), process.env, ENGINE);
  process.stdout.write(text);
  process.exitCode = healthy ? 0 : 1;
}

async function runGc(values: string[]): Promise<void> {
  const flags = flagsOf('gc', values);
  const { gc } = await import('./maintenance/gc.ts');
  const options = { dryRun: flags.has('--dry-run'), json: flags.has('--json') };
  process.stdout.write(await gc(readConfig(process.env), options, interrupted()));
}

async function runVerify(values: string[]): Promise<void> {
  const { verifyStores } = await import('./maintenance/verify.ts');
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  try {
    const flags = flagsOf('verify', values);
    const clean = await verifyStores(readConfig(process.env), { json: flags.has('--json') }, interrupted(), write);
    process.exitCode = clean ? 0 : 1;
  } catch (error) {
    // Not the 1 of findings.
    process.stderr.write(`espalier verify: ${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}

function flagsOf(command: string, values: string[]): Set<string> {
  const known = COMMANDS[command]!.takes!.map((flag) => flag.replace(/[[\]]/g, ''));
  const unknown = values.find((value) => !known.includes(value));
  if (unknown !== undefined) throw new Error(`it takes ${known.join(' and ')}. Received: ${unknown}`);
  return new Set(values);
}

/** Aborted by the first signal; the second ends the process. */
function interrupted(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  return stopping.signal;
}

async function runKey([tenant = 'default', role = 'admin']: string[]): Promise<void> {
  const { generateKey } = await import('./http/keys.ts');
  process.stdout.write(generateKey({ tenant, role }));
}

async function runKeys(values: string[]): Promise<void> {
  const [{ keysCommand }, { openLedger }] = await Promise.all([import('./http/keys-command.ts'), import('./ledger/open.ts')]);
  const config = readConfig(process.env);
  const ledger = await openLedger(config);
  try {
    await ledger.migrate();
    process.stdout.write(await keysCommand(values, ledger, { hasFile: config.apiKeysFile !== null }));
  } finally {
    await ledger.close();
  }
}

async function runPack(values: string[]): Promise<void> {
  const [from, to] = twoFiles('pack', values);
  const [{ readModel }, { writeEsp }] = await Promise.all([import('./model/formats/index.ts'), import('./model/formats/esp/index.ts')]);
  const file = writeEsp(await readModel(from));
  await writeFile(to, file);
  process.stdout.write(`${to}: ${file.length} bytes, from ${(await stat(from)).size}\n`);
}

async function runUnpack(values: string[]): Promise<void> {
  const [from, to] = twoFiles('unpack', values);
  const [{ readEsp }, { writeKeras }] = await Promise.all([import('./model/formats/esp/index.ts'), import('./model/formats/keras.ts')]);
  const document = await readEsp(from);
  await writeFile(to, await writeKeras(document));
  process.stdout.write(`${to}: ${[...document.weights.values()].reduce((sum, { data }) => sum + data.length, 0)} weights\n`);
}

function twoFiles(command: string, [from, to]: string[]): [string, string] {
  if (from === undefined || to === undefined) throw new Error(`two files are needed: ${COMMANDS[command]!.takes!.join(' ')}`);
  return [from, to];
}

async function runOpenapi(): Promise<void> {
  const { openapiDocument } = await import('./http/openapi.ts');
  process.stdout.write(await openapiDocument());
}

function setUp(part: string): { config: Config; log: Logger } {
  const config = readConfig(process.env);
  const destination = pino.destination({ fd: 1, sync: true });
  // Whoever read the log may be gone before this process is.
  destination.on('error', () => {});
  const log = pino(
    {
      level: config.logLevel,
      base: { part, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
  return { config, log };
}

/** Aborted when the process is told to stop: by a signal, or by the end of the process that started it. */
function stopSignal(log: Logger): AbortSignal {
  const stopping = new AbortController();
  const stop = (why: string) => {
    if (stopping.signal.aborted) return;
    log.info({ why }, 'Stopping');
    stopping.abort(new Error(`stopped by ${why}`));
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  const parent = 'the end of its parent';
  process.on('disconnect', () => stop(parent));
  // It may have ended before anybody listened; without a channel `connected` is undefined.
  if (process.connected === false) stop(parent);
  return stopping.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function limitStop(log: Logger): void {
  const limit_ms = process.connected === false ? ORPHAN_STOP_LIMIT_MS : STOP_LIMIT_MS;
  setTimeout(() => {
    log.error({ limit_ms }, 'Stopping took too long; ending');
    process.kill(process.pid, 'SIGKILL');
  }, limit_ms).unref();
}

function tellParent(message: ReadyMessage): void {
  if (process.connected) process.send?.(message);
}
