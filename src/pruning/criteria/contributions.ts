import type { ChannelGroup } from '../groups.ts';

/** What one reader makes of the units of a group, over samples and positions. */
export interface ReaderContributions {
  /** The reader's kernel. */
  key: string;
  /** Σ z_c·z_d over samples, positions and outputs, of the contributions z of unit c and d to what the kernel makes: float64 [units, units]. */
  gram: Float64Array;
}

/** By group: those of every reader whose inputs can be seen. */
export type Contributions = ReadonlyMap<ChannelGroup, readonly ReaderContributions[]>;
