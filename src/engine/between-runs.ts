/** Checkpoints of a job that is more than one training: what they keep beside a run, or in its place between two. */
import { join } from 'node:path';
import type { ModelDocument } from '../model/document.ts';
import { Cancelled } from './cancelled.ts';
import { type StoredArray, type StoredState, writeCheckpoint } from './checkpoint.ts';
import { Paused } from './paused.ts';
import type { TrainingRunParts } from './run/index.ts';

/** Under which names of arrays a checkpoint keeps what is none of its run's. */
export const BESIDE = 'beside/';

/** The state of a checkpoint, as JSON keeps it. */
interface Kept<State> {
  /** Of the training that was under way; null between two. */
  run: { step: number } | null;
  beside: State;
}

/** What an interrupted job kept; null where it begins. */
export function resumedState<State>(resumed: StoredState | null): Kept<State> | null {
  return resumed && (resumed.state as Kept<State>);
}

/** Whether a checkpoint is from within a training, rather than from between two. */
export function isMidRun(resumed: StoredState | null): boolean {
  return resumed !== null && resumedState(resumed)!.run !== null;
}

/** Leaves a checkpoint between two trainings, from which a cancelled job takes `document` as its model. Throws Cancelled and Paused where that is asked for. */
export function keepBetweenRuns(
  name: string,
  { weights, config }: ModelDocument,
  beside: StoredState,
  { scratch, reporter, cancelled, pauseRequested }: TrainingRunParts,
): void {
  const path = join(scratch, `${name}.safetensors`);
  const arrays = new Map<string, StoredArray>([...weights].map(([key, weight]) => [`weights/${key}`, weight]));
  for (const [key, array] of beside.arrays) arrays.set(`${BESIDE}${key}`, array);
  writeCheckpoint(path, { state: { run: null, config, beside: beside.state }, arrays });
  reporter.checkpoint(0, path);
  if (cancelled()) throw new Cancelled();
  if (pauseRequested()) throw new Paused();
}
