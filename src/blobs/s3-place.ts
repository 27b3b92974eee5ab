/** Where an S3 store lies. Credentials are found as every AWS program finds them. */
export interface S3Place {
  bucket: string;
  /** Of every key; empty, or ends with a slash. */
  prefix: string;
  /** Null for Amazon's. */
  endpoint: string | null;
  region: string;
  /** The bucket in the path instead of in the host's name. */
  pathStyle: boolean;
  /** Whether downloads are answered with a link into the store. */
  presigned: boolean;
  /** The address of the store as callers see it, for links; null where it is `endpoint`. */
  publicEndpoint: string | null;
  /** What was fetched stays on this machine's disk up to so many bytes. */
  cacheBytes: number;
}
