import type { Blobs } from './blobs.ts';
import { folderBlobs, sweepForgotten } from './folder.ts';
import { abortForgottenUploads, s3Blobs } from './s3.ts';
import type { S3Place } from './s3-place.ts';

/**
 * Opens the blobs that the configuration names: those in S3 where it names a bucket, else those in the folder, which it makes. What earlier processes left
 * half-written is swept, in S3 as soon as that answers.
 */
export async function openBlobs(config: { blobsFolder: string; s3?: S3Place | null }): Promise<Blobs> {
  await sweepForgotten(config.blobsFolder);
  if (!config.s3) return folderBlobs(config.blobsFolder);
  // A store that is away now is not waited for.
  void abortForgottenUploads(config.s3).catch(() => undefined);
  return s3Blobs(config.s3, config.blobsFolder);
}
