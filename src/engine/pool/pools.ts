/** The pools of a job, whose runs mostly draw from the same: copies and lessons take a while to make. */
import type { Dataset } from '../../dataset/batches.ts';
import type { Training } from '../../jobs/spec/index.ts';
import type { ModelDocument } from '../../model/document.ts';
import type { Teacher } from '../distillation.ts';
import { predictionBatchSize } from '../evaluate.ts';
import type { Loss } from '../losses.ts';
import { batchFormat } from '../step/batch-format.ts';
import { augmentedCopies } from './augmented-copies.ts';
import { lessonsOf } from './lessons.ts';
import { plainPool, pooled, type TrainingPool, withCopies } from './training-pool.ts';

/** Bytes of lessons up to which they are kept. */
const LESSONS_LIMIT = 256 * 2 ** 20;

interface Wanted {
  training: Training;
  /** Null without distillation; made of `teacherDocument`. */
  teacher: Teacher | null;
  teacherDocument: ModelDocument;
  /** Whose input the samples become. */
  student: ModelDocument;
  loss: Loss;
  seed: number;
  /** Samples that will be trained on, with repetition. */
  uses: number;
  cancelled(): void;
}

export class TrainingPools {
  private readonly data: Dataset;
  private newest: { key: string; teacher: ModelDocument | null; pool: TrainingPool } | null = null;

  constructor(data: Dataset) {
    this.data = data;
  }

  /** What a training draws from. Throws what `cancelled` does. */
  of(wanted: Wanted): TrainingPool {
    const { data } = this;
    const { training, teacher, student, loss, seed, uses, cancelled } = wanted;
    const { augmentation, augmentation_copies: copies } = training;
    const { samples } = data.split('train');
    const trained = samples.length * (copies ?? 1);
    const changing = augmentation.length > 0 && copies === null;
    const kept = teacher && !changing && uses >= trained && this.areFew(teacher, trained) ? teacher : null;
    if (copies === null && !(kept && data.held)) return plainPool(data);
    // The POST lets no others be copied.
    if (!data.held) throw new Error('Copies are made of data that are held in memory');
    const key = JSON.stringify([copies, copies && [augmentation, seed], kept && loss.onLogits]);
    const teaching = kept && wanted.teacherDocument;
    if (this.newest?.key === key && this.newest.teacher === teaching) return this.newest.pool;
    this.newest = null;
    const format = batchFormat(data.facts, student.graph, { weighted: false, lesson: null });
    const held =
      copies === null ? data.held : withCopies(data, augmentedCopies(data, format, augmentation, copies, seed, cancelled), copies);
    const rows = copies === null ? samples : Uint32Array.from({ length: trained }, (_, index) => data.facts.samples + index);
    const lessons = kept && lessonsOf(kept, loss, held, rows, format, predictionBatchSize(data), cancelled);
    const pool = pooled(data, held, copies, lessons);
    this.newest = { key, teacher: teaching, pool };
    return pool;
  }

  /** Whether what a teacher says of each sample can be kept; not where it is asked for layers. */
  private areFew({ graph, options }: Teacher, trained: number): boolean {
    const each = graph.outputs[0]!.shape.reduce<number>((product, dimension) => product * (dimension ?? Number.POSITIVE_INFINITY), 1);
    return options.features.length === 0 && 4 * each * (this.data.facts.samples + trained) <= LESSONS_LIMIT;
  }
}
