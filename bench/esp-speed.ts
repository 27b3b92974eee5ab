/**
 * Seconds and MB/s of the .esp coder on a network of 25 million weights: dense floats, 90 % zeros, 16 values, int4 by unit. node bench/esp-speed.ts [millions]
 * MB are those of the float32 numbers. Beside it what gzip -9 makes of the same numbers, and how long it takes.
 */
import { gzipSync } from 'node:zlib';
import { decodeTensors, encodeContainer, openContainer } from '../src/model/formats/esp/container.ts';
import { generator } from '../src/random.ts';

const side = Math.round(Math.sqrt(Number(process.argv[2] ?? 25) * 1e6));
const shape = [side, side];
const random = generator(0, 'esp-speed');
const living = (): boolean => random.uniform() < 0.1;
const LIST = Array.from({ length: 16 }, () => Math.fround(random.normal()));
const FILLS: Record<string, (index: number) => number> = {
  'floats, none zero': () => random.normal(),
  'floats, 90 % zeros': () => (living() ? random.normal() : 0),
  '16 values, 90 % zeros': () => (living() ? LIST[random.int(16)]! : 0),
  'int4 by unit': (index) => (random.int(15) - 7) * 2 ** -(index % 7),
};

const timed = <Value>(work: () => Value): [Value, number] => {
  const since = performance.now();
  const value = work();
  return [value, (performance.now() - since) / 1000];
};
const megabytes = (side * side * 4) / 1e6;
console.log('| numbers | .esp bytes | encoded, MB/s | decoded, MB/s | gzip -9 bytes | gzip, MB/s |\n| --- | --- | --- | --- | --- | --- |');
for (const [name, fill] of Object.entries(FILLS)) {
  const data = Float32Array.from({ length: side * side }, (_, index) => fill(index));
  const [file, encoding] = timed(() =>
    encodeContainer({ text: '{}', tensors: [{ shape, data, narrow: null, periods: { place: 0, row: 0 } }] }),
  );
  const [tensors, decoding] = timed(() => decodeTensors(openContainer(file).code));
  if (!Buffer.from(tensors[0]!.data.buffer).equals(Buffer.from(data.buffer))) throw new Error(`${name} did not come back`);
  const [zipped, zipping] = timed(() => gzipSync(Buffer.from(data.buffer), { level: 9 }));
  const rate = (seconds: number): string => (megabytes / seconds).toFixed(1);
  console.log(`| ${name} | ${file.length} | ${rate(encoding)} | ${rate(decoding)} | ${zipped.length} | ${rate(zipping)} |`);
}
