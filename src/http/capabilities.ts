/** What this service can do, as far as it knows: methods out of the schemas that validate them, workers out of the list they put themselves on. */
import Type, { type TSchema } from 'typebox';
import { DATASET_FORMATS } from '../dataset/facts.ts';
import { PREDICTION_LIMITS } from '../jobs/predictions/limits.ts';
import {
  Clipping,
  CompareSpec,
  Criterion,
  EvaluateSpec,
  LearningRateSchedule,
  LossName,
  Optimizer,
  PruneSpec,
  PruningSchedule,
  Recipe,
  SensitivitySpec,
  Structure,
  TARGETS,
  TrainSpec,
} from '../jobs/spec/index.ts';
import { listWorkers, WorkerRecord } from '../jobs/workers.ts';
import { MODEL_FORMATS, OUTPUT_FORMATS } from '../model/facts.ts';
import { LAYER_CLASSES } from '../model/layers/index.ts';
import { nullable, strictObject } from '../schema.ts';
import { VERSION } from '../version.ts';
import type { AppDeps } from './deps.ts';
import { JSON_BODY_LIMIT_BYTES, LONGEST_WAIT_S, PAGE, SERIES_PAGE, SERIES_POINTS } from './limits.ts';

const JsonSchema = Type.Record(Type.String(), Type.Unknown(), { description: 'A JSON Schema.' });
const Methods = Type.Array(strictObject({ type: Type.String(), description: nullable(Type.String()), schema: JsonSchema }));

export const Capabilities = strictObject(
  {
    version: Type.String(),
    jobs: Type.Record(Type.String(), JsonSchema, { description: 'The specification of each type of job.' }),
    methods: strictObject({
      criteria: Methods,
      structures: Methods,
      schedules: Methods,
      targets: Type.Array(Type.String()),
      clipping: Methods,
      optimizers: Methods,
      learning_rate_schedules: Methods,
      losses: Type.Array(Type.String()),
      recipes: Type.Array(Type.String()),
    }),
    formats: strictObject({
      models: strictObject({ upload: Type.Array(Type.String()), output: Type.Array(Type.String()) }),
      datasets: strictObject({ upload: Type.Array(Type.String()) }),
    }),
    layers: Type.Array(Type.String(), { description: 'The Keras layer classes that models may have.' }),
    backend: Type.Literal('tensorflow'),
    workers: nullable(
      Type.Array(WorkerRecord, {
        description: 'Those that live now, with their device and TensorFlow. Empty: jobs wait until one starts.',
      }),
    ),
    storage: strictObject(
      { used_bytes: Type.Integer(), allowed_bytes: nullable(Type.Integer()) },
      { description: 'What the caller’s tenant has stored, and what it may; null: as much as it likes.' },
    ),
    limits: strictObject({
      max_upload_bytes: Type.Integer({ description: 'In one request.' }),
      max_resumable_upload_bytes: Type.Integer(),
      max_json_bytes: Type.Integer(),
      max_wait_s: Type.Integer(),
      max_page_rows: Type.Integer(),
      max_series_rows: Type.Integer(),
      max_series_points: Type.Integer(),
      running_jobs_per_tenant: Type.Integer(),
      requests_per_minute: strictObject(
        { key: nullable(Type.Integer()), tenant: nullable(Type.Integer()) },
        {
          description:
            'With a key; null: as many as it likes. The fields RateLimit and RateLimit-Policy of every answer say where it stands.',
        },
      ),
      predictions: strictObject(
        mapped(PREDICTION_LIMITS, () => Type.Integer()),
        { description: 'Of one prediction; `at_once` counts those under way and waiting at one server.' },
      ),
    }),
  },
  { title: 'Capabilities', description: '`workers` is null while nobody can tell: Redis, where they put themselves on a list, is away.' },
);

type Members = { type: string; description: string | null; schema: Record<string, unknown> }[];

/** What is the same for every answer. */
const METHODS = {
  criteria: membersOf(Criterion),
  structures: membersOf(Structure),
  schedules: membersOf(PruningSchedule),
  targets: [...TARGETS],
  clipping: membersOf(Clipping),
  optimizers: membersOf(Optimizer),
  learning_rate_schedules: membersOf(LearningRateSchedule),
  losses: (LossName as { enum?: string[] }).enum ?? [],
  recipes: (Recipe as { enum?: string[] }).enum ?? [],
};

/** The capabilities of this moment. */
export async function capabilities(tenant: string, { redis, limits, ledger }: Pick<AppDeps, 'redis' | 'limits' | 'ledger'>) {
  return {
    version: VERSION,
    jobs: { train: TrainSpec, prune: PruneSpec, evaluate: EvaluateSpec, sensitivity: SensitivitySpec, compare: CompareSpec },
    methods: METHODS,
    formats: { models: { upload: [...MODEL_FORMATS], output: [...OUTPUT_FORMATS] }, datasets: { upload: [...DATASET_FORMATS] } },
    layers: Object.keys(LAYER_CLASSES).sort(),
    backend: 'tensorflow',
    workers: await listWorkers(redis).catch(() => null),
    storage: await ledger.storage(tenant),
    limits: {
      max_upload_bytes: limits.maxUploadBytes,
      max_resumable_upload_bytes: limits.maxResumableBytes,
      max_json_bytes: JSON_BODY_LIMIT_BYTES,
      max_wait_s: LONGEST_WAIT_S,
      max_page_rows: PAGE.most,
      max_series_rows: SERIES_PAGE.most,
      max_series_points: SERIES_POINTS.most,
      running_jobs_per_tenant: limits.tenantRunningLimit,
      requests_per_minute: limits.requestsPerMinute,
      predictions: PREDICTION_LIMITS,
    },
  };
}

function mapped<Names extends string, Value>(from: Record<Names, unknown>, make: () => Value): Record<Names, Value> {
  return Object.fromEntries(Object.keys(from).map((name) => [name, make()])) as Record<Names, Value>;
}

/** The members of a tagged union. */
function membersOf(union: TSchema): Members {
  const { oneOf = [] } = union as { oneOf?: { description?: string; properties?: { type?: { const?: unknown } } }[] };
  return oneOf.map((schema) => ({
    type: String(schema.properties?.type?.const),
    description: schema.description ?? null,
    schema: schema as Record<string, unknown>,
  }));
}
