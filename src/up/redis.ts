import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Part } from './kept-process.ts';

/**
 * The embedded Redis: it listens on a Unix socket alone and keeps nothing on disk, since what is true is in the ledger.
 *
 * Redis does not notice that its parent died. A shell sits beside it, reads a pipe whose other end only this process holds, and kills Redis when that
 * read ends: the system closes the pipe however this process ends, kill -9 included.
 */
export function redisPart(socket: string, path: string | undefined, log: Logger): Part {
  return {
    name: 'redis-server',
    graceMs: 5_000,
    start() {
      const settings = {
        port: '0',
        unixsocket: socket,
        unixsocketperm: '700',
        dir: dirname(socket),
        save: '',
        appendonly: 'no',
        'maxmemory-policy': 'noeviction',
        daemonize: 'no',
      };
      const child = spawn(
        'redis-server',
        Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
        {
          // A session of its own: a terminal's ^C ends the worker first, which still needs Redis.
          detached: true,
          // Nothing else: what is in the service's environment is none of its business.
          env: { PATH: path },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => log.debug({ line }, 'redis-server printed'));
      if (child.pid !== undefined) endWithThisProcess(child);
      return child;
    },
    async ready(_child, exited) {
      while (!(await answersPing(socket))) await pause(20, undefined, { signal: exited });
    },
  };
}

function endWithThisProcess(child: ChildProcess): void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r line; kill -KILL "$1"', 'sh', `${child.pid}`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.on('error', () => {});
  watcher.stdin.on('error', () => {});
  // The number may soon be another process's.
  child.on('exit', () => watcher.kill('SIGKILL'));
}

function answersPing(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.setTimeout(1_000, () => connection.destroy());
    connection.on('error', () => {});
    connection.on('close', () => resolve(false));
    connection.on('data', (bytes) => {
      resolve(bytes.toString().startsWith('+PONG'));
      connection.destroy();
    });
    connection.write('PING\r\n');
  });
}
