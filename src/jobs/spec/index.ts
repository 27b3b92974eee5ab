/** What a job is asked to do. These schemas validate the POST, type the engine, and are printed in `openapi.yaml` and `GET /v1/capabilities`. */
import Type, { type Static } from 'typebox';
import { OUTPUT_FORMATS, OutputFormat } from '../../model/facts.ts';
import { choice, defaulted, nullable, recipeFills, strictObject, tagged } from '../../schema.ts';
import { compareFields } from './compare.ts';
import { Evaluation } from './evaluation.ts';
import { ModelId, modelId } from './model-id.ts';
import { Packing } from './packing.ts';
import { Pruning } from './pruning/index.ts';
import { Budget, Recipe } from './recipe.ts';
import { sensitivityFields } from './sensitivity.ts';
import { LossName, Training } from './training.ts';
import { Webhook } from './webhook.ts';

const Output = strictObject({
  formats: defaulted(
    nullable(
      Type.Array(OutputFormat, {
        minItems: 1,
        maxItems: OUTPUT_FORMATS.length,
        uniqueItems: true,
        description:
          'One artifact for each; the first is the new model, so that it is none that cannot be uploaded. null: the format that the model has.',
      }),
    ),
    null,
  ),
});

export const DatasetId = Type.String({ pattern: '^dst_[0-9A-HJKMNP-TV-Z]{26}$' });

const common = {
  model_id: ModelId,
  dataset_id: DatasetId,
  seed: defaulted(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), 0),
  max_runtime_s: defaulted(
    Type.Integer({ minimum: 1, maximum: 30 * 86_400, description: 'Engine time over all attempts, in seconds.' }),
    86_400,
  ),
  device: defaulted(choice(['any', 'cpu', 'gpu']), 'any'),
  metadata: defaulted(
    Type.Record(Type.String(), Type.String({ maxLength: 512 }), {
      maxProperties: 16,
      propertyNames: { maxLength: 64 },
      description: 'The caller’s own labels; stored and returned, never read.',
    }),
    {},
  ),
  evaluation: defaulted(Evaluation, { latency_batch_size: 64, max_accuracy_drop: 0.005, thresholds: null, robustness: null }),
  output: defaulted(Output, { formats: null }),
  webhook: defaulted(nullable(Webhook), null),
};

const packing = defaulted(nullable(Packing), null);

export const TrainSpec = strictObject({ type: Type.Literal('train'), ...common, training: Training, packing }, { title: 'TrainSpec' });
export type TrainSpec = Static<typeof TrainSpec>;

export const PruneSpec = strictObject(
  {
    type: Type.Literal('prune'),
    ...common,
    recipe: defaulted(nullable(Recipe), null),
    target: defaulted(nullable(Budget), null),
    pruning: recipeFills(Pruning),
    fine_tuning: defaulted(nullable(Training), null),
    packing,
  },
  {
    title: 'PruneSpec',
    description: 'Without a recipe, pruning is required, with its criterion and its target.',
    if: { required: ['recipe'], properties: { recipe: { type: 'string' } } },
    else: { required: ['pruning'], properties: { pruning: { required: ['criterion', 'target'] } } },
  },
);
/** `fine_tuning` null: no training follows the cut; it is stored as one of 0 epochs. */
export type PruneSpec = Static<typeof PruneSpec>;

const { output: _, ...alone } = common;

export const EvaluateSpec = strictObject(
  {
    type: Type.Literal('evaluate'),
    ...alone,
    candidate_model_id: modelId('The model that is held against `model_id`, on the test split of the data set.'),
    loss: defaulted(LossName, 'auto'),
    metrics: Training.properties.metrics,
    top_k: Training.properties.top_k,
  },
  { title: 'EvaluateSpec', description: 'Two models on one data set: a receipt and the checks after compression, and no new model.' },
);
export type EvaluateSpec = Static<typeof EvaluateSpec>;

const { evaluation: __, ...asked } = alone;

export const SensitivitySpec = strictObject(
  { type: Type.Literal('sensitivity'), ...asked, ...sensitivityFields },
  { title: 'SensitivitySpec', description: 'What each layer and dependency group bears: loss and accuracy by ratio, without training.' },
);
export type SensitivitySpec = Static<typeof SensitivitySpec>;

const { seed: ___, ...shared } = common;

export const CompareSpec = strictObject(
  { type: Type.Literal('compare'), ...shared, ...compareFields },
  {
    title: 'CompareSpec',
    description:
      'Several ways with one model, each an ordinary job a seed, within equal budgets. `max_runtime_s` is that of each of these jobs, and the webhook is told of the whole.',
  },
);
export type CompareSpec = Static<typeof CompareSpec>;

export const JobSpec = tagged([TrainSpec, PruneSpec, EvaluateSpec, SensitivitySpec, CompareSpec]);
export type JobSpec = Static<typeof JobSpec>;
/** Of a job that makes a model. */
export type MakingSpec = TrainSpec | PruneSpec;

export const JOB_TYPES = ['train', 'prune', 'evaluate', 'sensitivity', 'compare'] as const satisfies JobSpec['type'][];

export * from './augmentation.ts';
export * from './compare.ts';
export * from './distillation.ts';
export * from './evaluation.ts';
export * from './further-models.ts';
export * from './packing.ts';
export * from './pruning/index.ts';
export * from './recipe.ts';
export * from './sensitivity.ts';
export * from './training.ts';
export * from './webhook.ts';
