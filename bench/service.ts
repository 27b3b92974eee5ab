/** A service of a benchmark's own: `espalier up` on any free port, whose log can be waited on. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from '../examples/client.ts';

/** A line of the log. */
export interface Line extends Record<string, unknown> {
  msg: string;
  /** When it arrived, in milliseconds since 1970. */
  arrived: number;
}

export interface BenchService {
  address: string;
  client: Client;
  /** For the benchmark's files; deleted at the end. */
  folder: string;
  /** Where the service keeps its data. */
  data: string;
  lines: Line[];
  /** The newest line that fits, now or as soon as there is one. */
  line(fits: (line: Line) => boolean): Promise<Line>;
  /** Resolves once it holds; looked at with every line of the log. */
  until(holds: () => boolean): Promise<void>;
  /** The process of a part: `espalier serve`, `espalier work`. */
  part(name: string): Promise<number>;
  stop(): Promise<void>;
}

/** Starts one; `settings` are environment variables. */
export async function startService(settings: Record<string, string> = {}): Promise<BenchService> {
  const folder = await mkdtemp(join(tmpdir(), 'espalier-bench-'));
  const data = join(folder, 'data');
  const up = spawn('bin/espalier', ['up'], {
    env: { PATH: process.env.PATH, HOME: folder, PORT: '0', ESPALIER_DATA: data, LOG_LEVEL: 'debug', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  let waiting: (() => void)[] = [];
  createInterface({ input: up.stdout }).on('line', (text) => {
    lines.push({ ...JSON.parse(text), arrived: Date.now() });
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((wake) => waiting.push(wake));
  };
  const line = async (fits: (line: Line) => boolean): Promise<Line> => {
    let found: Line | undefined;
    await until(() => {
      found = lines.findLast(fits);
      return found !== undefined;
    });
    return found!;
  };
  const { address } = await line(({ msg }) => msg === 'Espalier is ready');
  return {
    address: address as string,
    client: new Client(address as string),
    folder,
    data,
    lines,
    line,
    until,
    part: async (name) => (await line(({ msg, part }) => msg === 'Part of the service is ready' && part === name)).pid as number,
    async stop() {
      up.kill('SIGTERM');
      await new Promise((resolve) => up.once('exit', resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
