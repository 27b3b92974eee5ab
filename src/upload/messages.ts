/** What passes between `readers.ts` and a process of `reader.ts`. */
import type { DatasetLimits } from '../dataset/limits.ts';
import type { DatasetOptions } from '../dataset/options.ts';
import type { DatasetPart } from '../dataset/parts.ts';
import type { ProblemCode, ProblemItem } from '../errors.ts';
import type { OutputFormat } from '../model/facts.ts';
import type { SavingsOptions } from '../pruning/savings.ts';

export type Task =
  | { kind: 'model'; path: string }
  /** Writes the model in another format to `out`; answers MadeFile. */
  | { kind: 'convert'; path: string; format: OutputFormat; out: string }
  /** Packs the parts of a model into a zip at `out`. */
  | { kind: 'pack'; parts: { name: string; path: string }[]; out: string }
  | { kind: 'savings'; path: string; options: SavingsOptions }
  | { kind: 'dataset'; parts: DatasetPart[]; options: DatasetOptions; folder: string; limits: DatasetLimits; kept: boolean };

/** A file that a task wrote. */
export interface MadeFile {
  size_bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** How a task ended: with a result, with a problem of the upload, or with a fault of ours. */
export type Outcome =
  | { kind: 'result'; result: unknown }
  | { kind: 'problem'; code: ProblemCode; detail: string; items: ProblemItem[] }
  | { kind: 'fault'; message: string; stack: string | undefined };
