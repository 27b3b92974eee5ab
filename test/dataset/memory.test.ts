import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createFile } from '../../src/dataset/file-writer.ts';
import { Problem } from '../../src/errors.ts';
import { folder, numpy } from './fixtures.ts';

// On a busy machine, processes and large files take their time.
vi.setConfig({ testTimeout: 120_000 });

/** MiB by which reading a file raises the highest resident set of a fresh process whose JavaScript heap is 32 MiB. */
function growthWhileReading(path: string): number {
  const script = join(folder(), 'read.mts');
  writeFileSync(
    script,
    `import { mkdtempSync } from 'node:fs';
import { readDataset } from '${resolve(import.meta.dirname, '../../src/dataset/read.ts')}';
import { DATASET_LIMITS } from '${resolve(import.meta.dirname, '../../src/dataset/limits.ts')}';
const before = process.resourceUsage().maxRSS;
const { facts } = await readDataset([{ name: 'file', path: process.argv[2], filename: null }], {}, process.argv[3], { ...DATASET_LIMITS, compressionRatio: 2000 });
if (facts.samples !== 300) throw new Error(JSON.stringify(facts));
console.log((process.resourceUsage().maxRSS - before) / 1024);`,
  );
  return Number(execFileSync(process.execPath, ['--max-old-space-size=32', '--max-semi-space-size=4', script, path, folder()]));
}

describe('memory', () => {
  it.each([
    ['deflated bytes', "np.savez_compressed('file', x=np.zeros((300, 2**20), 'u1'), y=np.arange(300) % 3)"],
    ['column-major doubles', "np.savez('file', x=np.zeros((300, 2**17), '>f8', order='F'), y=np.arange(300) % 3)"],
  ])('does not grow with a file of 300 MiB of %s', (_, code) => {
    const path = folder();
    numpy(path, code);
    expect(growthWhileReading(join(path, 'file.npz'))).toBeLessThan(100);
  });
});

describe('a full disk', () => {
  it('is a STORAGE_FULL', () => {
    const file = createFile('/dev/full');
    file.write(new Uint8Array(1000));
    let problem: unknown;
    try {
      file.close();
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ code: 'STORAGE_FULL' });
  });
});
