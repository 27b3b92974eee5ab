import type { Blobs } from '../../blobs/blobs.ts';

/** Does the work with a folder of its own, which goes with what is left in it. */
export async function inScratch<Result>(blobs: Pick<Blobs, 'scratch'>, work: (folder: string) => Promise<Result>): Promise<Result> {
  const scratch = await blobs.scratch();
  try {
    return await work(scratch.folder);
  } finally {
    await scratch.remove();
  }
}
