/** Processes of the peers: each takes its order as JSON in its only argument and prints its answer as the last line. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');
export const KERAS = join(ROOT, '.toolchain/keras/bin/python');

export function pythonOf(peer: 'tfmot' | 'torch-pruning' | 'foolbox'): string {
  return join(ROOT, '.toolchain/peers', peer, 'bin/python');
}

/** Runs a script of this folder, at the priority that engines have. Throws with the end of what it said where it fails. */
export async function answerOf<Answer>(python: string, script: string, order: unknown): Promise<Answer> {
  const child = spawn('nice', ['-n', '10', python, join(import.meta.dirname, script), JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ONEDNN_MAX_CPU_ISA: 'AVX2', TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  let out = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-4000);
  });
  const code = await new Promise((done, fail) => child.once('error', fail).once('close', done));
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${said}`);
  return JSON.parse(out.trimEnd().split('\n').at(-1)!) as Answer;
}

/** A benchmark's answers in a file, so that one that was interrupted goes on where it stopped. */
export class Answers {
  private readonly known: Record<string, unknown>;
  private readonly file: string;

  constructor(file: string) {
    this.file = file;
    mkdirSync(dirname(file), { recursive: true });
    this.known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  }

  async once<Answer>(key: string, make: () => Promise<Answer>): Promise<Answer> {
    if (!(key in this.known)) {
      const answer = await make();
      console.error(`${key}: ${JSON.stringify(answer)}`);
      this.known[key] = answer;
      writeFileSync(this.file, JSON.stringify(this.known, null, 1));
    }
    return this.known[key] as Answer;
  }
}
