import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { strayPath } from '../../src/worker/containment.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'espalier-containment-'));
  folder = join(root, 'scratch');
  await mkdir(join(folder, 'deeper'), { recursive: true });
  await mkdir(join(root, 'scratch-of-another'));
  for (const path of ['scratch/model', 'scratch/deeper/report', 'secret', 'scratch-of-another/model'])
    await writeFile(join(root, path), '');
  await symlink(join(root, 'secret'), join(folder, 'link'));
  await symlink(root, join(folder, 'linked-folder'));
});
afterAll(() => rm(root, { recursive: true }));

describe('strayPath', () => {
  it('finds nothing wrong with plain files inside the folder', async () => {
    expect(await strayPath(folder, [join(folder, 'model'), join(folder, 'deeper', 'report')])).toBeNull();
  });

  it.each([
    ['a file outside', 'secret'],
    ['a way out and in again that ends outside', 'scratch/../secret'],
    ['a folder whose name only begins the same', 'scratch-of-another/model'],
    ['a link to a file outside', 'scratch/link'],
    ['a file behind a linked folder', 'scratch/linked-folder/secret'],
    ['a folder', 'scratch/deeper'],
    ['what is not there', 'scratch/missing'],
  ])('refuses %s', async (_what, path) => {
    expect(await strayPath(folder, [join(folder, 'model'), `${root}/${path}`])).toBe(`${root}/${path}`);
  });
});
