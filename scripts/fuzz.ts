/**
 * Looks for bytes that a parser of uploads neither reads nor refuses: node scripts/fuzz.ts PARSER [minutes] [seed]. PARSER is one of test/fuzz/targets.ts, or
 * `all`; 1 minute each and seed 0 unless said otherwise. Mutations are led by V8's own coverage (test/fuzz/loop.ts): Jazzer.js 4.0, which would do that, comes
 * built for glibc 2.38 alone, and Debian 12 has 2.36.
 *
 * What HDF5 itself never returns from is kept beside them, in test/fuzz/endless, and the search goes on behind it: only a limit on its process helps. It is worn
 * out by damaged files, and searched in one process after the other.
 *
 * Ends with an error where one crashes, takes longer than 5 s of a processor (or stands still for five minutes), or makes its process larger than 1 GiB; the bytes are then in test/fuzz/corpus/PARSER, where
 * the unit tests read them from then on.
 */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TARGETS } from '../test/fuzz/targets.ts';

const CORPUS = join(import.meta.dirname, '../test/fuzz/corpus');
const ENDLESS = join(import.meta.dirname, '../test/fuzz/endless');
const LOOP = new URL('../test/fuzz/loop.ts', import.meta.url);
const LONGEST_MS = 5_000;
/** Of a process that computes nothing: on a machine that others use it may wait long for its turn. */
const STILL_MS = 300_000;
const LOADING_MS = 60_000;
/** Of the kernel's counts of time. */
const TICK_MS = 10;
const MOST_BYTES = 2 ** 30;

interface Said {
  runs: number;
  peak: number;
  kept?: number;
  places?: number;
  outcomes?: Record<string, number>;
}

const [parser = '', minutes = '1', seed = '0'] = process.argv.slice(2);
const names = parser === 'all' ? Object.keys(TARGETS) : [parser];
if (!names.every((name) => name in TARGETS))
  throw new Error(`A parser is needed: all, ${Object.keys(TARGETS).join(', ')}. Received: ${parser}`);
let found = 0;
for (const name of names) {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-fuzz-'));
  mkdirSync(join(folder, 'kept'));
  const until = Date.now() + Number(minutes) * 60_000;
  for (let turn = 0; Date.now() < until && (await search(name, turn, until, folder)); turn++);
  rmSync(folder, { recursive: true, force: true });
}

process.exitCode = found > 0 ? 1 : 0;

/** One process of a search; whether another may go on, with another seed. */
async function search(name: string, turn: number, until: number, folder: string): Promise<boolean> {
  const input = join(folder, 'input');
  const child = fork(LOOP, [name, `${Math.ceil((until - Date.now()) / 1000)}`, `${Number(seed) + turn}`, input, join(folder, 'kept')], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said: Said = { runs: 0, peak: 0 };
  let stderr = '';
  let why: string | null = null;
  child.stderr!.on('data', (text) => {
    stderr = (stderr + text).slice(-4000);
  });
  // The first answer comes with the modules loaded.
  let silence: NodeJS.Timeout = setTimeout(() => {}, 0);
  const listen = (ms: number) => {
    clearTimeout(silence);
    const [since, computed] = [performance.now(), computedMs(child.pid!)];
    const look = () => {
      if (performance.now() - since < STILL_MS && computedMs(child.pid!) - computed < ms) {
        silence = setTimeout(look, 1_000);
        return;
      }
      why = `no answer in ${ms / 1000} s`;
      child.kill('SIGKILL');
    };
    silence = setTimeout(look, ms);
  };
  listen(LOADING_MS);
  child.on('message', (message: Said) => {
    said = message;
    listen(LONGEST_MS);
    if (said.peak > MOST_BYTES) {
      why = `${Math.round(said.peak / 2 ** 20)} MiB`;
      child.kill('SIGKILL');
    }
  });
  const code = await new Promise<number | null>((done) => child.once('exit', done));
  clearTimeout(silence);
  const summary = `${name}: ${said.runs} runs, ${said.kept ?? '?'} kept, ${said.places ?? '?'} places, at most ${Math.round(said.peak / 2 ** 20)} MiB`;
  if (code === 0)
    console.log(
      `${summary}; ${Object.entries(said.outcomes ?? {})
        .map(([outcome, count]) => `${outcome} ${count}`)
        .join(', ')}`,
    );
  else {
    if (said.runs === 0) throw new Error(`${name}: the parser did not come to its first run: ${why ?? `it ended with ${code}`}\n${stderr}`);
    const endless = why !== null && TARGETS[name]!.endless === true;
    if (!endless) found += 1;
    const bytes = readFileSync(input);
    const path = join(endless ? ENDLESS : join(CORPUS, name), createHash('sha256').update(bytes).digest('hex').slice(0, 12));
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, bytes);
    console.log(`${summary}; FOUND ${path}: ${why ?? `it ended with ${code}`}\n${stderr}`);
  }
  return code === 0 || (why !== null && TARGETS[name]!.endless === true);
}

/** What a process has computed, in milliseconds of a processor, as Linux counts it; Infinity for one that is gone. */
function computedMs(pid: number): number {
  try {
    // The name, in brackets, may have anything in it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return TICK_MS * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
