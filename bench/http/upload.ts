import { randomFillSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { line, median } from './pairs.ts';
import type { Servers } from './servers.ts';

const MIB = 2 ** 20;
const BOUNDARY = 'espalier-bench-boundary';

/**
 * An upload of so many bytes of images (IDX) with their labels, to Espalier, to the peer that hashes it and to the one that also puts it on disk, in turns; then
 * eight at once, and what the server grew by.
 */
export async function benchUpload(servers: Servers, { mib, rounds }: { mib: number; rounds: number }): Promise<string[]> {
  const seconds = { ours: [] as number[], bare: [] as number[], keep: [] as number[] };
  const ask = {
    ours: () => upload(new URL('/v1/datasets', servers.ours), mib, servers.headers),
    bare: () => upload(new URL('/upload', servers.bare), mib, {}),
    keep: () => upload(new URL('/keep', servers.bare), mib, {}),
  };
  // A first round of each warms up.
  for (let round = 0; round <= rounds; round++) {
    const order = (['ours', 'bare', 'keep'] as const).map((_, place, all) => all[(place + round) % all.length]!);
    for (const who of order) {
      const taken = await ask[who]();
      if (round > 0) seconds[who].push(taken);
    }
  }
  const [ours, bare, keep] = [mib / median(seconds.ours), mib / median(seconds.bare), mib / median(seconds.keep)];

  await writeFile(`/proc/${servers.pid}/clear_refs`, '5');
  const before = await memory(servers.pid, 'VmRSS');
  await Promise.all(Array.from({ length: 8 }, () => upload(new URL('/v1/datasets', servers.ours), mib, servers.headers)));
  const growth = (await memory(servers.pid, 'VmHWM')) - before;
  return [
    line(`uploading ${mib} MiB, MiB/s`, ours.toFixed(0), bare.toFixed(0), ours / bare, '0.8'),
    line(`the same beside a sink that puts it on disk`, ours.toFixed(0), keep.toFixed(0), ours / keep, ''),
    `${`RSS growth, eight uploads of ${mib} MiB at once`.padEnd(44)} ${`${growth.toFixed(0)} MiB`.padStart(14)} ${''.padStart(14)} ${''.padStart(8)}   100 MiB`,
  ];
}

/** Seconds from the first byte to the answer. */
export async function upload(url: URL, mib: number, headers: Record<string, string>): Promise<number> {
  const images = Math.floor((mib * MIB) / 784);
  const head = (name: string, magic: number[], ...more: number[]) => {
    const sizes = Buffer.alloc(4 * more.length);
    for (const [index, size] of more.entries()) sizes.writeUInt32BE(size, 4 * index);
    const part = `Content-Disposition: form-data; name="${name}"; filename="${name}.idx"\r\nContent-Type: application/octet-stream\r\n\r\n`;
    return Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n${part}`), Buffer.from(magic), sizes]);
  };
  const x = head('x', [0, 0, 8, 3], images, 28, 28);
  const y = Buffer.concat([
    Buffer.from('\r\n'),
    head('y', [0, 0, 8, 1], images),
    Buffer.from(Array.from({ length: images }, (_, index) => index % 10)),
  ]);
  const tail = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
  // As images are: of many values.
  const chunk = randomFillSync(Buffer.alloc(784 * 1024));
  const began = performance.now();
  const sent = request(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': x.length + images * 784 + y.length + tail.length,
    },
  });
  const answered = new Promise<void>((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (response) => {
      const body: Buffer[] = [];
      response.on('data', (bytes) => body.push(bytes));
      response.on('end', () => {
        if (response.statusCode === 200 || response.statusCode === 201) resolve();
        else reject(new Error(`${url}: ${response.statusCode} ${Buffer.concat(body)}`));
      });
    });
  });
  const write = (bytes: Buffer) => (sent.write(bytes) ? undefined : new Promise((resolve) => sent.once('drain', resolve)));
  await write(x);
  for (let left = images * 784; left > 0; left -= chunk.length) await write(left < chunk.length ? chunk.subarray(0, left) : chunk);
  await write(y);
  sent.end(tail);
  await answered;
  return (performance.now() - began) / 1000;
}

/** In MiB. */
async function memory(pid: number, field: 'VmHWM' | 'VmRSS'): Promise<number> {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}
