/** The path parameters of the routes. */
import Type from 'typebox';
import { idPattern } from '../jobs/ids.ts';
import { EXAMPLE_IDS } from './examples.ts';

export const MODEL_ID = {
  id: { description: 'Of the model.', schema: Type.String({ pattern: idPattern('mdl') }), example: EXAMPLE_IDS.model },
};
export const DATASET_ID = {
  id: { description: 'Of the data set.', schema: Type.String({ pattern: idPattern('dst') }), example: EXAMPLE_IDS.dataset },
};
export const JOB_ID = { id: { description: 'Of the job.', schema: Type.String({ pattern: idPattern('job') }), example: EXAMPLE_IDS.job } };
export const KEY_ID = { id: { description: 'Of the key.', schema: Type.String({ pattern: idPattern('key') }), example: EXAMPLE_IDS.key } };
export const UPLOAD_ID = {
  id: { description: 'Of the upload.', schema: Type.String({ pattern: idPattern('upl') }), example: EXAMPLE_IDS.upload },
};
export const ARTIFACT_ID = {
  id: { description: 'Of the artifact.', schema: Type.String({ pattern: idPattern('art') }), example: EXAMPLE_IDS.artifact },
};
