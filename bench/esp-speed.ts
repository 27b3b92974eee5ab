/**
 * MB/s and memory of the .esp coder on a network of 25 million weights: dense floats, 90 % zeros, 16 values, int4 by unit. node bench/esp-speed.ts [millions] [repeats]
 *
 * Coding and decoding run in processes of their own, three times unless said otherwise, and gzip -9 of the same numbers once beside them; of the rates the median is
 * told, with the least and the most. MB are those of the float32 numbers, seconds those of the processor, so that others on the machine count less. Memory is the
 * largest that a process has had, numbers and files included, less what it had before. Decoded numbers are compared with those that were coded, by their SHA-256.
 * Prints Markdown.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { decodeTensors, encodeContainer, openContainer } from '../src/model/formats/esp/container.ts';
import { generator } from '../src/random.ts';
import { median } from './peers/paired.ts';

const [millions = '25', repeats = '3', work, name, path] = process.argv.slice(2);
const side = Math.round(Math.sqrt(Number(millions) * 1e6));
const WORKS = ['encode', 'decode', 'gzip'] as const;
type Work = (typeof WORKS)[number];

/** Numbers by their place, from a generator that is always the same. */
function fills(): Record<string, (index: number) => number> {
  const random = generator(0, 'esp-speed');
  const living = (): boolean => random.uniform() < 0.1;
  const list = Array.from({ length: 16 }, () => Math.fround(random.normal()));
  return {
    'floats, none zero': () => random.normal(),
    'floats, 90 % zeros': () => (living() ? random.normal() : 0),
    '16 values, 90 % zeros': () => (living() ? list[random.int(16)]! : 0),
    'int4 by unit': (index) => (random.int(15) - 7) * 2 ** -((index % side) % 7),
  };
}

interface Measured {
  seconds: number[];
  bytes: number;
  /** Of the numbers. */
  sha256: string;
  /** MiB. */
  memory: number;
}

function measured(kind: Work, fill: string, file: string): Measured {
  const before = process.memoryUsage().rss;
  let data: Float32Array<ArrayBuffer> | null = null;
  let bytes = 0;
  if (kind !== 'decode') {
    const value = fills()[fill]!;
    data = Float32Array.from({ length: side * side }, (_, index) => value(index));
  }
  const seconds = Array.from({ length: Number(repeats) }, () => {
    const since = process.cpuUsage();
    if (kind === 'decode') {
      const stored = readFileSync(file);
      bytes = stored.length;
      data = decodeTensors(openContainer(stored).code)[0]!.data;
    } else if (kind === 'encode') {
      const made = encodeContainer({
        text: '{}',
        tensors: [{ shape: [side, side], data: data!, narrow: null, periods: { place: 0, row: 0 } }],
      });
      bytes = made.length;
      writeFileSync(file, made);
    } else bytes = gzipSync(Buffer.from(data!.buffer), { level: 9 }).length;
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1e6;
  });
  const sha256 = createHash('sha256').update(new Uint8Array(data!.buffer)).digest('hex');
  return { seconds, bytes, sha256, memory: process.resourceUsage().maxRSS / 1024 - before / 2 ** 20 };
}

if (work) console.log(JSON.stringify(measured(work as Work, name!, path!)));
else {
  const folder = mkdtempSync(join(tmpdir(), 'espalier-esp-speed-'));
  const megabytes = (side * side * 4) / 1e6;
  const rates = ({ seconds }: Measured): string => {
    const all = seconds.map((one) => megabytes / one);
    return `${median(all).toFixed(1)} (${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)})`;
  };
  console.log(`${side * side} weights, ${megabytes.toFixed(0)} MB as float32\n`);
  console.log(
    '| numbers | .esp bytes | coded, MB/s | MiB | decoded, MB/s | MiB | gzip -9 bytes | MB/s |\n| --- | --- | --- | --- | --- | --- | --- | --- |',
  );
  for (const fill of Object.keys(fills())) {
    const file = join(folder, 'numbers.esp');
    const [encoded, decoded, zipped] = WORKS.map(
      (kind) =>
        JSON.parse(
          execFileSync(process.execPath, [import.meta.filename, millions, kind === 'gzip' ? '1' : repeats, kind, fill, file], {
            encoding: 'utf8',
          }),
        ) as Measured,
    ) as [Measured, Measured, Measured];
    if (decoded.sha256 !== encoded.sha256) throw new Error(`${fill} did not come back`);
    const [coding, decoding] = [encoded, decoded].map((one) => `${rates(one)} | ${Math.round(one.memory)}`);
    console.log(
      `| ${fill} | ${encoded.bytes} | ${coding} | ${decoding} | ${zipped.bytes} | ${(megabytes / zipped.seconds[0]!).toFixed(1)} |`,
    );
  }
  rmSync(folder, { recursive: true });
}
