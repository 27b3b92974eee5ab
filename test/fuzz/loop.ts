/**
 * The process that scripts/fuzz.ts watches: loop.ts PARSER SECONDS SEED INPUT KEPT. Feeds the parser with mutations of what is known, and keeps those that reach
 * code, or run it as often, as none before (V8's precise coverage of src), in the folder KEPT, for the process that goes on. Before each run its bytes are in the
 * file INPUT, where they are found when it does not come back.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { generator } from '../../src/random.ts';
import { mutate } from './mutate.ts';
import { TARGETS } from './targets.ts';

const [name = '', seconds = '60', seed = '0', input = '', kept = ''] = process.argv.slice(2);
const { seeds, run, mostRuns = Number.POSITIVE_INFINITY } = TARGETS[name]!;
const random = generator(Number(seed), `fuzz-${name}`);
const folder = join(import.meta.dirname, 'corpus', name);

interface Covered {
  result: { url: string; functions: { ranges: { startOffset: number; endOffset: number; count: number }[] }[] }[];
}
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

const reached = new Set<string>();
/** How many places, or orders of magnitude of counts, are new since the last question. */
function news(): number {
  let fresh = 0;
  session.post('Profiler.takePreciseCoverage', (_error, covered) => {
    for (const { url, functions } of (covered as Covered).result) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges) {
          if (count === 0) continue;
          const place = `${url} ${startOffset} ${endOffset} ${Math.floor(Math.log2(count))}`;
          if (!reached.has(place)) fresh += 1;
          reached.add(place);
        }
    }
  });
  return fresh;
}

const filesOf = (of: string): Buffer[] => (existsSync(of) ? readdirSync(of).map((file) => readFileSync(join(of, file))) : []);
const known = [...(await seeds()), ...filesOf(folder), ...filesOf(kept)];
const outcomes = new Map<string, number>();
let runs = 0;
let peak = 0;
let told = 0;
async function feed(bytes: Buffer): Promise<boolean> {
  writeFileSync(input, bytes);
  const outcome = (await run(bytes)) ?? 'read';
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  runs += 1;
  if (performance.now() - told > 250) {
    told = performance.now();
    peak = Math.max(peak, process.memoryUsage.rss());
    process.send?.({ runs, peak });
  }
  return news() > 0;
}
for (const bytes of known) await feed(bytes);
const end = Date.now() + Number(seconds) * 1000;
while (Date.now() < end && runs < mostRuns) {
  // The newest half of the time: what was reached last leads on.
  const from = random.int(2) === 0 ? known.at(-1 - random.int(Math.min(8, known.length)))! : known[random.int(known.length)]!;
  const bytes = mutate(from, known, random);
  if (!(await feed(bytes))) continue;
  known.push(bytes);
  writeFileSync(join(kept, `${seed}-${runs}`), bytes);
}
process.send?.({ runs, peak, kept: known.length, places: reached.size, outcomes: Object.fromEntries(outcomes) });
process.disconnect?.();
