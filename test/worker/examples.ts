import type { TrainSpec } from '../../src/jobs/spec/index.ts';
import type { RunFrame } from '../../src/worker/frames.ts';
import { datasetFacts, trainSpec } from '../ledger/samples.ts';

const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

/** A train job as a supervisor hands it out; `metadata` is what the scripted engine follows. */
export function runFrame(metadata: Record<string, string> = {}): RunFrame & { spec: TrainSpec } {
  return {
    kind: 'run',
    job_id: `job_${ULID}`,
    attempt: 1,
    spec: {
      ...trainSpec(`mdl_${ULID}`, `dst_${ULID}`),
      metadata,
    },
    model_path: '/model.keras',
    further_models: {},
    dataset: { facts: datasetFacts, files: { x: '/x', y: '/y', order: '/order' } },
    resume_path: null,
    scratch: '/scratch',
    checkpoint_interval_s: 15,
  };
}
