/** What an answer's values are good for in other calls: OpenAPI links, which tools follow from one call to the next. */

/** A call that a value of the answer leads to: its parameters as runtime expressions. */
export interface LinkDoc {
  operationId: string;
  description: string;
  parameters: Record<string, string>;
}

export type Links = Record<string, LinkDoc>;

/** Links named after their operations, each with its parameter `id` taken from `expression`. */
function leadingTo(what: string, expression: string, operationIds: readonly string[]): Links {
  return Object.fromEntries(
    operationIds.map((operationId) => [
      operationId,
      { operationId, description: `The ${what}'s \`id\` is the \`id\` of this call.`, parameters: { id: expression } },
    ]),
  );
}

const OF_ANSWER = '$response.body#/id';
const OF_FIRST = '$response.body#/data/0/id';

const OF_MODEL = ['getModel', 'downloadModel', 'getPrunability', 'predict', 'deleteModel'];
const OF_DATASET = ['getDataset', 'deleteDataset'];
const OF_JOB = [
  'getJob',
  'getJobMetrics',
  'followJob',
  'getJobReport',
  'pauseJob',
  'resumeJob',
  'cancelJob',
  'deleteJob',
  'listDeliveries',
];
const OF_KEY = ['getKey', 'revokeKey'];

export const MODEL_LINKS = leadingTo('model', OF_ANSWER, OF_MODEL);
export const MODELS_LINKS = leadingTo('newest model', OF_FIRST, OF_MODEL);
export const DATASET_LINKS = leadingTo('data set', OF_ANSWER, OF_DATASET);
export const DATASETS_LINKS = leadingTo('newest data set', OF_FIRST, OF_DATASET);
export const JOB_LINKS = leadingTo('job', OF_ANSWER, OF_JOB);
export const JOBS_LINKS = leadingTo('newest job', OF_FIRST, OF_JOB);
export const KEY_LINKS = leadingTo('key', OF_ANSWER, OF_KEY);
export const KEYS_LINKS = leadingTo('newest key', OF_FIRST, OF_KEY);
export const ARTIFACT_LINKS = leadingTo('artifact', OF_ANSWER, ['downloadArtifact']);
export const ARTIFACTS_OF_JOB_LINKS = leadingTo('first artifact', '$response.body#/artifacts/0/id', ['getArtifact', 'downloadArtifact']);
export const DELIVERIES_LINKS: Links = {
  redeliver: {
    operationId: 'redeliver',
    description: 'Sends the first delivery again.',
    parameters: { id: '$request.path.id', delivery: OF_FIRST },
  },
};
