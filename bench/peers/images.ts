/** Folders of IDX files, as MNIST comes. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Of the training images the last are held out for choices. */
const SELECTION = 5000;
const FILES = { images: 'images-idx3-ubyte', labels: 'labels-idx1-ubyte' };

/** Writes a folder with the first `samples` training images and the last 5,000, and all test images; `source` may be gzipped. */
export function takeImages(source: string, folder: string, samples: number): void {
  mkdirSync(folder, { recursive: true });
  for (const [what, name] of Object.entries(FILES)) {
    const head = what === 'images' ? 16 : 8;
    const train = readIdx(join(source, `train-${name}`));
    const count = train.readUInt32BE(4);
    const size = (train.length - head) / count;
    const header = Buffer.from(train.subarray(0, head));
    header.writeUInt32BE(samples + SELECTION, 4);
    const parts = [header, train.subarray(head, head + samples * size), train.subarray(head + (count - SELECTION) * size)];
    writeFileSync(join(folder, `train-${name}`), Buffer.concat(parts));
    writeFileSync(join(folder, `t10k-${name}`), readIdx(join(source, `t10k-${name}`)));
  }
}

function readIdx(file: string): Buffer {
  return existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
}
