/**
 * The messages between the supervisor and its engine child, over Node's IPC channel. Both ends validate what they get: an unknown frame is a fault
 * of the sender and ends the engine.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { DatasetFacts } from '../dataset/facts.ts';
import { PROBLEMS, type ProblemCode, received } from '../errors.ts';
import { Metrics, Progress } from '../jobs/progress.ts';
import { SeriesChunk } from '../jobs/series/chunk.ts';
import { JobSpec, Sensitivities, SensitivitiesByStructure, TRIED_STRUCTURES } from '../jobs/spec/index.ts';
import { OUTPUT_FORMATS } from '../model/facts.ts';
import { choice, nullable, strictObject } from '../schema.ts';

const Path = Type.String({ minLength: 1 });

/** One job for one engine. All paths are on this machine; the engine reads them and writes only below `scratch`. */
export const RunFrame = strictObject({
  kind: Type.Literal('run'),
  job_id: Type.String(),
  attempt: Type.Integer({ minimum: 1 }),
  spec: JobSpec,
  model_path: Path,
  /** Other models that the specification names, by id. */
  further_models: Type.Record(Type.String(), Path),
  dataset: strictObject({
    facts: DatasetFacts,
    files: strictObject({
      x: Path,
      x_start: Type.Optional(Type.Integer({ minimum: 0 })),
      y: nullable(Path),
      w: Type.Optional(nullable(Path)),
      order: Path,
    }),
  }),
  /** The plan that the job replays, where it is another job's. */
  plan_path: Type.Optional(nullable(Path)),
  /** What earlier jobs measured that the model's groups bear, in the way that this one does, by structure. */
  sensitivities: Type.Optional(SensitivitiesByStructure),
  /** The checkpoint file to go on from. */
  resume_path: nullable(Path),
  scratch: Path,
  checkpoint_interval_s: Type.Number({ minimum: 0 }),
});
export type RunFrame = Static<typeof RunFrame>;

/** Load an exported model and say how far its predictions are from those stored beside the probe inputs. */
export const VerifyFrame = strictObject({ kind: Type.Literal('verify'), model_path: Path, probe_path: Path });
export type VerifyFrame = Static<typeof VerifyFrame>;

/** An array on its way to or from an engine, float32, row-major; checked without looking at its numbers. */
export const FrameArray = Type.Refine(
  strictObject({
    name: Type.String(),
    shape: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 16 }),
    data: Type.Unsafe<Float32Array<ArrayBuffer>>({}),
  }),
  ({ shape, data }) => data instanceof Float32Array && data.length === shape.reduce((product, axis) => product * axis, 1),
  () => 'must have as data a Float32Array of as many numbers as its shape says',
);
export type FrameArray = Static<typeof FrameArray>;

/** Say what a model predicts. An engine that is told so keeps the model, and is told so again; `model_sha256` is what it knows the model by. */
export const PredictFrame = strictObject({
  kind: Type.Literal('predict'),
  model_path: Path,
  model_sha256: Type.String(),
  /** By name, in any order; [samples, ...] each. */
  inputs: Type.Array(FrameArray, { minItems: 1 }),
  /** Of all outputs together, as float32. */
  max_output_bytes: Type.Integer({ minimum: 0 }),
});
export type PredictFrame = Static<typeof PredictFrame>;

export const SupervisorFrame = Type.Union([
  RunFrame,
  VerifyFrame,
  PredictFrame,
  strictObject({ kind: Type.Literal('cancel') }),
  /** Leave a checkpoint between two training steps and end with `paused`; outside training it has no effect. */
  strictObject({ kind: Type.Literal('pause') }),
]);
export type SupervisorFrame = Static<typeof SupervisorFrame>;

export const Warning = strictObject({ code: Type.String(), detail: Type.String() });
export type Warning = Static<typeof Warning>;

/** A file the engine wrote below its scratch folder. */
export const OutputFile = strictObject({
  role: choice(['model', 'predictions', 'plan', 'units']),
  format: choice([...OUTPUT_FORMATS, 'npz', 'json']),
  path: Path,
  /** The probe inputs and predictions that a fresh process checks the file against. */
  probe_path: nullable(Path),
  /** Of a model that is not the result but one on the way to it: where `result` says it as `model_label`, the supervisor puts its `model_id`. */
  label: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,64}$' })),
});
export type OutputFile = Static<typeof OutputFile>;

export const EngineFrame = Type.Union([
  strictObject({
    kind: Type.Literal('ready'),
    tensorflow: Type.String(),
    backend: Type.Literal('tensorflow'),
    device: choice(['cpu', 'gpu']),
    threads: Type.Integer({ minimum: 1 }),
  }),
  /** From the engine's main thread, every second, whatever TensorFlow is doing. */
  strictObject({ kind: Type.Literal('heartbeat') }),
  /** The first step of this attempt is about to be computed. */
  strictObject({ kind: Type.Literal('started'), resumed_from_step: nullable(Type.Integer({ minimum: 0 })) }),
  strictObject({ kind: Type.Literal('progress'), progress: Progress, metrics: Metrics }),
  strictObject({ kind: Type.Literal('series'), chunks: Type.Array(SeriesChunk, { maxItems: 1_000 }) }),
  strictObject({
    kind: Type.Literal('checkpoint'),
    step: Type.Integer({ minimum: 0 }),
    path: Path,
    /** Where it is the best so far: by the metric the job monitors, and the metric's value. */
    best: Type.Optional(nullable(strictObject({ metric: Type.String({ minLength: 1 }), value: Type.Number() }))),
  }),
  strictObject({ kind: Type.Literal('warning'), warning: Warning }),
  /** What the model's groups were measured to bear, for later jobs like this one. */
  strictObject({ kind: Type.Literal('sensitivity'), structure: choice([...TRIED_STRUCTURES]), measured: Sensitivities }),
  strictObject({ kind: Type.Literal('finished'), result: Type.Record(Type.String(), Type.Unknown()), outputs: Type.Array(OutputFile) }),
  strictObject({ kind: Type.Literal('cancelled') }),
  /** The attempt's last words for a pause; the checkpoint to go on from was reported before. */
  strictObject({ kind: Type.Literal('paused') }),
  strictObject({ kind: Type.Literal('failed'), code: choice(Object.keys(PROBLEMS) as ProblemCode[]), detail: Type.String() }),
  strictObject({
    kind: Type.Literal('verified'),
    max_relative_difference: Type.Number({ minimum: 0 }),
    samples: Type.Integer({ minimum: 1 }),
  }),
  /** The outputs of a `predict` in the model's order. */
  strictObject({ kind: Type.Literal('predicted'), outputs: Type.Array(FrameArray) }),
]);
export type EngineFrame = Static<typeof EngineFrame>;

export type { Metrics, Progress } from '../jobs/progress.ts';
export type { SeriesChunk } from '../jobs/series/chunk.ts';

/**
 * A reader of one side's frames. Each kind is checked by its own schema, so that a complaint is about that kind's fields. Throws an Error that names
 * the place of the first fault and what stood there.
 */
function frameReader<Frame>(sender: string, union: { anyOf: TSchema[] }): (message: unknown) => Frame {
  const checks = new Map(
    union.anyOf.map((schema) => [
      (schema as unknown as { properties: { kind: { const: string } } }).properties.kind.const,
      Compile(schema),
    ]),
  );
  return (message) => {
    const kind = typeof message === 'object' && message !== null && 'kind' in message ? message.kind : undefined;
    const check = typeof kind === 'string' ? checks.get(kind) : undefined;
    if (!check) throw new Error(`Not a frame of the ${sender}. Received: ${received(message)}`);
    if (check.Check(message)) return message as Frame;
    const [fault] = check.Errors(message);
    throw new Error(
      `The ${sender}'s ${kind} frame is wrong at '${fault?.instancePath ?? ''}': ${fault?.message ?? 'unknown fault'}. Received: ${received(message)}`,
    );
  };
}

/** A frame from the supervisor, checked; what an engine does with a message. Throws an Error. */
export const readSupervisorFrame = frameReader<SupervisorFrame>('supervisor', SupervisorFrame);

/** A frame from the engine, checked; what a supervisor does with a message. Throws an Error. */
export const readEngineFrame = frameReader<EngineFrame>('engine', EngineFrame);
