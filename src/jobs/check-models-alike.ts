/** What a job of the type `evaluate` asks of its two models: that both can be given the same samples, and answer in the same form. */
import type { DatasetFacts } from '../dataset/facts.ts';
import type { JobWarning } from '../ledger/ledger.ts';
import { fillDefaults } from '../schema.ts';
import type { FurtherModels } from './check-distillation.ts';
import { checkEvaluation } from './check-evaluation.ts';
import { type CheckedModel, resolveTraining } from './check-training.ts';
import { dimensions, refuse } from './refuse.ts';
import { type EvaluateSpec, Training } from './spec/index.ts';

/** `auto` becomes the value in force by the original's compiled loss, else by its output. Throws Problem MODEL_DATASET_MISMATCH and INCOMPATIBLE_OPTIONS. */
export async function checkModelsAlike(
  spec: EvaluateSpec,
  model: CheckedModel,
  dataset: DatasetFacts,
  further: FurtherModels,
  warn: (warning: JobWarning) => void,
): Promise<EvaluateSpec> {
  const candidate = further.get(spec.candidate_model_id);
  const [one, other] = [model.facts.outputs[0], candidate?.facts.outputs[0]];
  if (!candidate || !one || !other) throw new Error(`The candidate ${spec.candidate_model_id} was not looked up`);
  const same = one.shape.length === other.shape.length && one.shape.every((axis, at) => axis === other.shape[at]);
  if (!same || one.activation !== other.activation) {
    const shown = (output: typeof one) => `${dimensions(output.shape.slice(1))} behind ${output.activation ?? 'no activation'}`;
    const detail = `The models must have outputs of the same form: the one has ${shown(one)}, the candidate ${shown(other)}.`;
    refuse('MODEL_DATASET_MISMATCH', '/candidate_model_id', detail, spec.candidate_model_id);
  }
  if (dataset.splits.test === 0) {
    refuse(
      'MODEL_DATASET_MISMATCH',
      '/dataset_id',
      'The models are compared on the test split, and the data set has none.',
      dataset.splits,
    );
  }
  const { loss, metrics, top_k } = spec;
  const asked = { ...fillDefaults(Training, { epochs: 0 }), loss, metrics, top_k };
  const resolved = await resolveTraining(asked, { pointer: '', small: false, model, dataset, warn });
  const evaluation = await checkEvaluation(spec.evaluation, resolved.loss, [model, candidate], dataset);
  return { ...spec, evaluation, loss: resolved.loss, metrics: resolved.metrics };
}
