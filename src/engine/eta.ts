/** How long a job still takes, as a range that its true time lies in more often than not: four times in five at least, as the tests hold it to. */
import { mostComparisonSeconds, TOLD } from '../report/latency.ts';
import type { Progress } from '../worker/frames.ts';

/** Seconds. */
export type Range = NonNullable<Progress['eta_s']>;

/** What comes besides training steps; what is not known is left out of the estimate. */
export interface Plan {
  /** Steps between two validations. */
  stepsPerEpoch: number;
  /** Samples of the selection split, which a validation looks at. */
  validationSamples: number;
  /** Samples that are evaluated at the end, over all models. */
  evaluationSamples: number;
  /** Batch sizes that the latency is measured with, one comparison of two models each. */
  latencyBatchSizes: readonly number[];
  /** Bytes of the weights that are exported. */
  exportBytes: number;
}

const NO_TIME: Range = { low: 0, high: 0 };
/** Blocks of steps, at most. When there are so many, two neighbours become one and blocks are twice as long from then on. */
const MOST_BLOCKS = 64;
const FEWEST_BLOCKS = 8;
/** Standard errors to each side. */
const ERRORS = 2;
/** The range is no narrower than this fraction of itself to each side: what lies between two steps is not measured. */
const LEAST = 0.01;
/** A trend is one from this many standard errors on. */
const TREND = 2.5;
/** Bytes a second at which weights are packed, hashed and written, at best and at worst. */
const EXPORT_RATE = { fast: 100e6, slow: 5e6 };
/** What an export costs beside its bytes, at worst. */
const EXPORT_S = 1;

/**
 * Remembers the whole run in a bounded number of means of blocks of steps. The mean of what is to come is taken from the younger half of the blocks and
 * from the youngest quarter, each with two standard errors for its own mean and for that of as many steps as are left; where the blocks rise or fall all
 * along (an ordinary least squares line through them, its slope at least two and a half standard errors) the range reaches to where the line leads as well.
 */
export class RemainingTime {
  private plan: Plan | null = null;
  private blocks: number[] = [];
  private blockSize = 1;
  private sum = 0;
  private count = 0;
  private warmingUp = true;
  /** Milliseconds a sample, of every validation. */
  private readonly validations: number[] = [];

  /** Says what comes besides the steps. */
  expect(plan: Plan): void {
    this.plan = plan;
  }

  /** Steps take another time from here on: the network is another. */
  restart(): void {
    this.blocks = [];
    this.blockSize = 1;
    this.sum = 0;
    this.count = 0;
    this.warmingUp = true;
  }

  /** A step took so many milliseconds. The first says nothing: memory is allocated and kernels are chosen in it. */
  step(ms: number): void {
    if (this.warmingUp) {
      this.warmingUp = false;
      return;
    }
    this.sum += ms;
    if (++this.count < this.blockSize) return;
    this.blocks.push(this.sum / this.count);
    this.sum = 0;
    this.count = 0;
    if (this.blocks.length < MOST_BLOCKS) return;
    this.blocks = Array.from({ length: MOST_BLOCKS / 2 }, (_, index) => (this.blocks[2 * index]! + this.blocks[2 * index + 1]!) / 2);
    this.blockSize *= 2;
  }

  /** A validation over so many samples took so many milliseconds. */
  validated(ms: number, samples: number): void {
    if (samples > 0) this.validations.push(ms / samples);
  }

  /** Of a job in this phase with so many of its steps done; null while there is too little to tell it from. */
  left(phase: Progress['phase'], done: number, total: number): Range | null {
    const after = this.afterTraining(phase);
    if (phase !== 'training') return after;
    const training = this.training(Math.max(0, total - done));
    if (!training) return null;
    return [training, this.validationsLeft(done, total), after].filter((range) => range !== null).reduce(plus);
  }

  private validationsLeft(done: number, total: number): Range | null {
    const sample = this.sampleSeconds();
    if (!this.plan || !sample) return null;
    const { stepsPerEpoch, validationSamples } = this.plan;
    return scaled(sample, (Math.floor(total / stepsPerEpoch) - Math.floor(done / stepsPerEpoch)) * validationSamples);
  }

  private training(steps: number): Range | null {
    const { blocks, blockSize } = this;
    if (blocks.length < FEWEST_BLOCKS) return null;
    if (steps === 0) return NO_TIME;
    const means = [2, 4].map((part) => meanAhead(blocks.slice(-Math.ceil(blocks.length / part)), steps / blockSize));
    const line = lineAhead(blocks, steps / blockSize);
    if (line) means.push(line);
    const low = Math.min(...means.map((mean) => Math.min(mean.low, mean.middle * (1 - LEAST))));
    const high = Math.max(...means.map((mean) => Math.max(mean.high, mean.middle * (1 + LEAST))));
    // However fast steps become, they take some time.
    const least = Math.min(...blocks) / 2;
    return scaled({ low: Math.max(low, least) / 1000, high: Math.max(high, least) / 1000 }, steps);
  }

  /** The phases that follow, this one included where it is one of them. */
  private afterTraining(phase: Progress['phase']): Range | null {
    const sample = this.sampleSeconds();
    if (!this.plan || !sample) return null;
    const { evaluationSamples, latencyBatchSizes, exportBytes } = this.plan;
    const measuring = latencyBatchSizes
      .map((batch) => {
        const round = scaled(sample, 2 * batch);
        // Very fast ones are done before the time is up.
        return { low: Math.min(TOLD.seconds, mostComparisonSeconds(round.low)), high: mostComparisonSeconds(round.high) };
      })
      .reduce(plus, NO_TIME);
    const phases: [Progress['phase'], Range][] = [
      ['evaluating', scaled(sample, evaluationSamples)],
      ['measuring', measuring],
      ['exporting', { low: exportBytes / EXPORT_RATE.fast, high: EXPORT_S + exportBytes / EXPORT_RATE.slow }],
    ];
    const from = phase === 'training' ? 0 : phases.findIndex(([name]) => name === phase);
    if (from < 0) return null;
    return phases
      .slice(from)
      .map(([, range]) => range)
      .reduce(plus);
  }

  /** What a sample of a validation took: from the fastest of the last ones to the slowest, and a quarter of them more, since there are few. */
  private sampleSeconds(): Range | null {
    const last = this.validations.slice(-8);
    if (last.length === 0) return null;
    return { low: (0.8 * Math.min(...last)) / 1000, high: (1.25 * Math.max(...last)) / 1000 };
  }
}

interface Ahead {
  low: number;
  middle: number;
  high: number;
}

/** The mean of so many blocks to come, were they like these. */
function meanAhead(blocks: readonly number[], ahead: number): Ahead {
  const middle = mean(blocks);
  const variance = blocks.reduce((sum, block) => sum + (block - middle) ** 2, 0) / Math.max(1, blocks.length - 1);
  const error = ERRORS * Math.sqrt(variance / blocks.length + variance / ahead);
  return { low: middle - error, middle, high: middle + error };
}

/** The same, were they to go on along a line; null where they do not. */
function lineAhead(blocks: readonly number[], ahead: number): Ahead | null {
  const n = blocks.length;
  const center = (n - 1) / 2;
  const level = mean(blocks);
  const spread = (n * (n * n - 1)) / 12;
  const slope = blocks.reduce((sum, block, index) => sum + (index - center) * block, 0) / spread;
  const variance = blocks.reduce((sum, block, index) => sum + (block - level - slope * (index - center)) ** 2, 0) / (n - 2);
  if (Math.abs(slope) <= TREND * Math.sqrt(variance / spread)) return null;
  const distance = n - 0.5 + ahead / 2 - center;
  const middle = Math.max(0, level + slope * distance);
  const error = ERRORS * Math.sqrt(variance * (1 / n + distance ** 2 / spread + 1 / ahead));
  return { low: middle - error, middle, high: middle + error };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function scaled(range: Range, by: number): Range {
  return { low: range.low * by, high: range.high * by };
}

function plus(one: Range, other: Range): Range {
  return { low: one.low + other.low, high: one.high + other.high };
}
