import type { StoredValues } from '../../dataset/stored-values.ts';
import type { HostBatch } from './training-step.ts';

/** The parts that a batch is computed in. */
export function partsOf(batch: HostBatch, size: number | null): HostBatch[] {
  if (size === null || size >= batch.count) return [batch];
  const parts: HostBatch[] = [];
  for (let from = 0; from < batch.count; from += size) parts.push(part(batch, from, Math.min(from + size, batch.count)));
  return parts;
}

function part(batch: HostBatch, from: number, to: number): HostBatch {
  const slice = <Values extends StoredValues>(values: Values): Values => {
    const width = values.length / batch.count;
    return values.subarray(from * width, to * width) as Values;
  };
  return {
    count: to - from,
    rows: batch.rows?.subarray(from, to) ?? null,
    read() {
      const { x, y, w, lesson } = batch.read();
      return { count: to - from, x: slice(x), y: y && slice(y), w: w && slice(w), lesson: lesson && slice(lesson) };
    },
  };
}

/** What random layers and augmentation draw by in a part of a step's batch, an int32: the step itself in the first, another number in each other. */
export function drawOf(step: number, part: number): number {
  return step ^ Math.imul(part, 0x9e3779b1);
}
