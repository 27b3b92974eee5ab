/**
 * Damages .esp files at random, with checksums that are right, and reads them: each must be a model or a Problem, in little memory. Ends with an error at the
 * first that is neither, and leaves its bytes. node scripts/fuzz-esp.ts [minutes] [seed]: 10 and 0 unless said otherwise.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Problem } from '../src/errors.ts';
import { readEsp, writeEsp } from '../src/model/formats/esp/index.ts';
import { generator } from '../src/random.ts';
import { batchNormalization, conv2d, dense, documentOf, flatten, sequential } from '../test/helpers/documents.ts';

const [minutes, seed] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 0)];
const random = generator(seed, 'fuzz-esp');
const FILLS: Record<string, (index: number) => number> = {
  'c/kernel': () => (random.uniform() < 0.6 ? 0 : random.normal()),
  'd/kernel': (index) => (index % 20 === 3 || random.uniform() < 0.7 ? 0 : 0.0125 * (random.int(61) - 30)),
  'e/kernel': () => [0, 0, -0.7, 0.11, 0.3, 1.9][random.int(6)]!,
  'f/kernel': (index) => (random.int(15) - 7) * 2 ** -(index % 9),
};
const layers = [conv2d('c', 4, 3), batchNormalization('n'), flatten('g'), dense('d', 20), dense('e', 12), dense('f', 9)];
const file = writeEsp(documentOf(sequential([6, 6, 2], layers), (key, index) => FILLS[key]?.(index) ?? 0.5 + random.uniform()));

const folder = mkdtempSync(join(tmpdir(), 'espalier-fuzz-'));
const path = join(folder, 'damaged.esp');
const end = Date.now() + minutes * 60_000;
const [counts, memory] = [new Map<string, number>(), { first: 0, most: 0 }];
let trials = 0;

/** A few bytes changed, cut out, or put in twice. */
function damaged(): Buffer {
  let body = Buffer.from(file.subarray(0, -4));
  for (let change = 0; change <= random.int(4); change++) {
    const at = 4 + random.int(Math.max(1, body.length - 4));
    const kind = random.int(8);
    if (kind === 0) body = Buffer.concat([body.subarray(0, at), body.subarray(at + 1 + random.int(40))]);
    else if (kind === 1) body = Buffer.concat([body.subarray(0, at), body.subarray(Math.max(4, at - random.int(40)))]);
    else if (kind === 2) body = body.subarray(0, Math.max(8, at));
    else body[at] = random.int(256);
  }
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, sum]);
}

while (Date.now() < end) {
  const bytes = damaged();
  writeFileSync(path, bytes);
  const outcome = await readEsp(path).then(
    () => 'read',
    (error: unknown) => {
      if (error instanceof Problem) return error.code;
      writeFileSync('fuzz-esp-found.esp', bytes);
      throw new Error(`fuzz-esp-found.esp is neither a model nor a Problem (seed ${seed}, trial ${trials})`, { cause: error });
    },
  );
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  if (++trials % 1000 === 0) {
    const { rss } = process.memoryUsage();
    if (memory.first === 0) memory.first = rss;
    memory.most = Math.max(memory.most, rss);
  }
}
rmSync(folder, { recursive: true });
const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
console.log(`${trials} files: ${[...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`);
console.log(`Memory behind 1,000 files ${mib(memory.first)}, at most ${mib(memory.most)}`);
