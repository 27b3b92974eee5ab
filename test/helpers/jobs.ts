/** Whole jobs in this process, from a document and a data set to what the supervisor would be told. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DatasetFacts, DatasetFiles } from '../../src/dataset/facts.ts';
import { Cancelled } from '../../src/engine/cancelled.ts';
import { runJob } from '../../src/engine/job.ts';
import { checkJob } from '../../src/jobs/check.ts';
import { specOf } from '../../src/jobs/recipe/index.ts';
import type { SensitivitiesByStructure } from '../../src/jobs/spec/index.ts';
import type { ModelDocument } from '../../src/model/document.ts';
import { readModel } from '../../src/model/formats/index.ts';
import { writeKeras } from '../../src/model/formats/keras.ts';
import { readPlan } from '../../src/pruning/plan-file.ts';
import { type EngineFrame, readEngineFrame } from '../../src/worker/frames.ts';
import { checkedModel } from './checked-model.ts';
import { rowsOf, type SeriesRow } from './series.ts';

export interface JobInput {
  document: ModelDocument;
  facts: DatasetFacts;
  files: DatasetFiles;
  /** Other models that the specification names, by id. */
  further?: Record<string, ModelDocument>;
  resume?: string | null;
  /** The file of the plan that the specification names a job of. */
  plan?: string | null;
  /** What earlier jobs measured that the model's groups bear. */
  sensitivities?: SensitivitiesByStructure;
  /** A checkpoint after every step, and the end once that of this step is written. */
  until?: number;
}

export interface JobOutcome {
  frames: EngineFrame[];
  rows: SeriesRow[];
  /** Checkpoint files by step; deleted after the test. */
  checkpoints: Map<number, string>;
  /** Null where the job was ended early. */
  result: Record<string, unknown> | null;
  document: ModelDocument | null;
  /** What the job left, by role; deleted after the test. */
  files: Record<string, string>;
}

/** Runs a job as it is posted, ids left out. Every frame is checked by its schema. Rejects with the Problem it would be refused or fail with. */
export async function runPosted(posted: Record<string, unknown>, input: JobInput): Promise<JobOutcome> {
  const { document, facts, files, resume = null, until, further = {}, plan = null, sensitivities = {} } = input;
  const scratch = mkdtempSync(join(tmpdir(), 'espalier-job-'));
  onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
  const model = join(scratch, 'original.keras');
  writeFileSync(model, await writeKeras(document));
  const sha256 = createHash('sha256').update(readFileSync(model)).digest('hex');
  const others = new Map(Object.entries(further).map(([id, given]) => [id, checkedModel(given)]));
  const own = checkedModel(document, { sha256, ...(plan === null ? {} : { readPlan: () => readPlan(plan) }) });
  const body = { evaluation: { latency_batch_size: 1 }, ...posted, model_id: 'mdl_0', dataset_id: 'dst_0' };
  const { spec } = await checkJob(await specOf(body, own, facts), own, facts, others);
  const further_models: Record<string, string> = {};
  for (const [id, given] of Object.entries(further)) {
    further_models[id] = join(scratch, `${id}.keras`);
    writeFileSync(further_models[id], await writeKeras(given));
  }
  const frames: EngineFrame[] = [];
  const checkpoints = new Map<number, string>();
  await runJob(
    {
      kind: 'run',
      job_id: 'job',
      attempt: 1,
      spec,
      model_path: model,
      further_models,
      dataset: { facts, files },
      plan_path: plan,
      sensitivities,
      resume_path: resume,
      scratch,
      checkpoint_interval_s: until === undefined ? 600 : 0,
    },
    {
      emit(frame) {
        frames.push(readEngineFrame(structuredClone(frame)));
        if (frame.kind === 'checkpoint') checkpoints.set(frame.step, frame.path);
      },
      cancelled: () => until !== undefined && checkpoints.has(until),
      pauseRequested: () => false,
    },
  ).catch((error: unknown) => {
    if (!(error instanceof Cancelled)) throw error;
  });
  const finished = frames.find((frame) => frame.kind === 'finished');
  const exported = finished?.outputs.find(({ role, label }) => role === 'model' && label === undefined);
  return {
    frames,
    rows: rowsOf(frames),
    checkpoints,
    result: finished?.result ?? null,
    document: exported ? await readModel(exported.path) : null,
    files: Object.fromEntries(finished?.outputs.filter(({ label }) => label === undefined).map(({ role, path }) => [role, path]) ?? []),
  };
}
