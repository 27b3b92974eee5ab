/** The blobs' port: bytes under unique keys, written once, existing for readers only when a committed ledger row names them. */
import type { Readable } from 'node:stream';

/** What was stored. */
export interface StoredBlob {
  size_bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** One key of many. */
export interface ListedBlob {
  key: string;
  /** When its bytes were put there, in milliseconds since 1970. */
  written_at: number;
}

/** A folder of this machine for files on their way in. */
export interface Scratch {
  /** Absolute. */
  folder: string;
  /** Deletes the folder and what is left in it. */
  remove(): Promise<void>;
}

export interface Blobs {
  /** Streams bytes in; nothing is visible under the key until all have arrived and are on disk. Rejects with Problem STORAGE_FULL. */
  put(key: string, source: Readable): Promise<StoredBlob>;
  /** Takes over a local file (moved where that is possible). What is `known` of its bytes already need not be found out. */
  putFile(key: string, path: string, known?: StoredBlob): Promise<StoredBlob>;
  /** `range` in bytes, both ends included. Rejects with Problem NOT_FOUND. */
  read(key: string, range?: { start: number; end: number }): Promise<Readable>;
  size(key: string): Promise<number | null>;
  /**
   * The keys that begin with `prefix`, which is empty or ends with a slash, in no order. What is put or deleted meanwhile may be among them or not.
   */
  list(prefix: string): AsyncIterable<ListedBlob>;
  /** Deleting what is not there is not an error. */
  delete(key: string): Promise<void>;
  /**
   * A path on this machine that holds the bytes, for an engine to read. Where the store is not a folder it is a copy, which is there for an hour at the
   * least; with a folder `keptIn` for as long as that folder is. Rejects with Problem NOT_FOUND.
   */
  localPath(key: string, keptIn?: string): Promise<string>;
  /**
   * An address from which a caller may download the bytes for some minutes without a key of ours; null where the store gives none.
   */
  link(key: string, as: { disposition: string; mediaType: string }): Promise<string | null>;
  /** A new empty folder from which `putFile` moves rather than copies where the store allows it. Forgotten ones are swept a day later. */
  scratch(): Promise<Scratch>;
  /** Throws when bytes cannot be written now. */
  check(): Promise<void>;
  /** Lets go of connections. */
  close(): Promise<void>;
}
