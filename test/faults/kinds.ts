/** What can happen to a service, each with its end. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Client } from '../../examples/client.ts';
import { QUEUE_PREFIX } from '../../src/jobs/queue.ts';
import type { S3Mood } from './s3-proxy.ts';
import { succeeds, type World } from './world.ts';

export interface Scene {
  world: World;
  client: Client;
  /** Jobs of this round. */
  jobs: readonly string[];
  /** From 0 to 1. */
  chance(): number;
  /** An upload that is begun and that nobody finishes: resolves when the server has its first bytes. */
  beginUpload(): Promise<void>;
}

export interface Kind {
  name: string;
  /** Whether it can happen here. */
  possible(world: World): boolean;
  /** Lets it happen; resolves when it is over. */
  happen(scene: Scene): Promise<void>;
}

const always = () => true;
const pick = <Item>(items: readonly Item[], chance: () => number): Item => items[Math.floor(chance() * items.length)]!;

const s3 = (mood: S3Mood, name: string, seconds: number): Kind => ({
  name,
  possible: ({ s3 }) => s3 !== null,
  async happen({ world: { s3 } }) {
    s3!.mood = mood;
    await pause(seconds * 1000);
    s3!.mood = 'well';
  },
});

export const KINDS: readonly Kind[] = [
  {
    name: 'the server is killed',
    possible: always,
    happen: async ({ world }) => world.server.kill(),
  },
  {
    name: 'a worker is killed',
    possible: always,
    happen: async ({ world, chance }) => pick(world.workers, chance).kill(),
  },
  {
    name: 'an engine is killed',
    possible: always,
    async happen({ world, jobs }) {
      const ended = new Set(world.lines.filter(({ msg }) => msg === 'Job ended').map(({ job_id }) => job_id));
      const claims = world.lines.filter(({ msg, job_id }) => msg === 'Job claimed' && jobs.includes(String(job_id)) && !ended.has(job_id));
      for (const { engine } of claims) {
        try {
          process.kill(engine as number, 'SIGKILL');
        } catch {
          // Of an attempt that is over.
        }
      }
    },
  },
  {
    name: 'a worker is told to stop',
    possible: always,
    happen: async ({ world, chance }) => void pick(world.workers, chance).child().kill('SIGTERM'),
  },
  {
    name: 'Redis is killed',
    possible: always,
    happen: async ({ world }) => void world.redis.child().kill('SIGKILL'),
  },
  {
    name: 'Redis loses all it knows',
    possible: always,
    happen: async ({ world }) => void (await world.redis.client.flushall()),
  },
  {
    name: 'Redis is frozen for 40 s',
    possible: always,
    async happen({ world }) {
      const child = world.redis.child();
      child.kill('SIGSTOP');
      await pause(40_000);
      child.kill('SIGCONT');
    },
  },
  {
    name: 'Postgres is restarted',
    possible: ({ postgres }) => postgres !== null,
    happen: ({ world }) => world.postgres!.restart(),
  },
  {
    name: 'the folder of blobs is read-only for 8 s',
    possible: ({ smallDisk, s3 }) => smallDisk && s3 === null,
    async happen({ world: { blobs } }) {
      execFileSync('mount', ['--bind', blobs, blobs]);
      // Busy while a file is open for writing.
      for (let tries = 0; tries < 100 && !succeeds('mount', '-o', 'remount,bind,ro', blobs); tries++) await pause(50);
      await pause(8_000);
      execFileSync('mount', ['-o', 'remount,bind,rw', blobs]);
      for (let tries = 0; tries < 100 && !succeeds('umount', blobs); tries++) await pause(50);
      succeeds('umount', '-l', blobs);
    },
  },
  {
    name: 'the disk is full for 8 s',
    possible: ({ smallDisk }) => smallDisk,
    async happen({ world: { data } }) {
      const filler = join(data, 'filler');
      succeeds('dd', 'if=/dev/zero', `of=${filler}`, 'bs=1M');
      await pause(8_000);
      rmSync(filler, { force: true });
    },
  },
  s3('fails', 'S3 answers 500 for 10 s', 10),
  s3('busy', 'S3 answers 503 for 10 s', 10),
  s3('slow', 'S3 is slow for 15 s', 15),
  s3('lost', 'S3 answers are lost for 10 s', 10),
  s3('cut', 'S3 answers break off for 10 s', 10),
  s3('read_only', 'S3 takes nothing for 8 s', 8),
  {
    name: 'a worker is cut off the network for 15 s',
    possible: ({ cut }) => cut !== null,
    async happen({ world: { cut } }) {
      cut!(true);
      await pause(15_000);
      cut!(false);
    },
  },
  {
    name: 'a clock jumps an hour ahead, and back after 10 s',
    possible: ({ server }) => server.setClock(0),
    async happen({ world, chance }) {
      const part = pick([world.server, ...world.workers], chance);
      part.setClock(3600);
      await pause(10_000);
      part.setClock(0);
    },
  },
  {
    name: 'a clock jumps an hour back, its owner is killed, and the clock is right again after 10 s',
    possible: ({ server }) => server.setClock(0),
    async happen({ world, chance }) {
      const part = pick([world.server, ...world.workers], chance);
      part.setClock(-3600);
      await pause(3_000);
      part.kill();
      await pause(7_000);
      part.setClock(0);
    },
  },
  {
    name: 'the server whose clock was an hour ahead is killed',
    possible: ({ server }) => server.setClock(0),
    async happen({ world }) {
      world.server.setClock(3600);
      await pause(4_000);
      world.server.setClock(0);
      world.server.kill();
    },
  },
  {
    name: 'both workers are given each job',
    possible: always,
    async happen({ world, jobs }) {
      const queue = new Queue('cpu', { connection: world.redis.client, prefix: QUEUE_PREFIX });
      for (const job_id of jobs)
        for (const attempt of [1, 2])
          for (const copy of [1, 2])
            await queue.add(
              'attempt',
              { job_id, attempt },
              { jobId: `copy-${copy}-${job_id}-${attempt}`, removeOnComplete: true, removeOnFail: true, lifo: true },
            );
      await queue.close();
    },
  },
  {
    name: 'the server is killed while it receives an upload',
    possible: always,
    async happen({ world, beginUpload }) {
      await beginUpload();
      world.server.kill();
    },
  },
];
