/** How much a data set may ask of the machine while it is read. */
export interface DatasetLimits {
  /** Bytes of all arrays together once decompressed; stored, halves and small numbers may take up to four times as many. */
  totalBytes: number;
  /** Bytes a compressed byte may become, beyond the first 64 MiB. */
  compressionRatio: number;
  /** Bytes of one stored sample. */
  sampleBytes: number;
  /** Samples of all splits together. */
  samples: number;
}

export const DATASET_LIMITS: DatasetLimits = {
  totalBytes: 4 * 2 ** 30,
  compressionRatio: 500,
  sampleBytes: 64 * 2 ** 20,
  samples: 2 ** 25,
};

/** Bytes of x, y and weights together up to which a data set is held in memory while a job runs. */
export const HELD_BYTES = 512 * 2 ** 20;

/** Labels above this many classes are read as numbers to predict. */
export const MOST_CLASSES = 65_536;

/** Class counts, class names and column names are listed in the facts up to this many. */
export const MOST_LISTED = 4_096;
