import type { Blobs } from './blobs.ts';
import { folderBlobs, sweepForgotten } from './folder.ts';

/** Opens the blobs that the configuration names, making their folder and sweeping what earlier processes left half-written. */
export async function openBlobs(config: { blobsFolder: string }): Promise<Blobs> {
  await sweepForgotten(config.blobsFolder);
  return folderBlobs(config.blobsFolder);
}
