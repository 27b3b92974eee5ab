/** Every route, in the order of the document. */
import type { RouteDefinition } from '../route.ts';
import { cancelJob } from './cancel-job.ts';
import { deleteDataset } from './delete-dataset.ts';
import { deleteJob } from './delete-job.ts';
import { deleteKey } from './delete-key.ts';
import { deleteModel } from './delete-model.ts';
import { deleteUpload } from './delete-upload.ts';
import { getArtifact } from './get-artifact.ts';
import { getArtifactContent } from './get-artifact-content.ts';
import { getAudit } from './get-audit.ts';
import { getCapabilities } from './get-capabilities.ts';
import { getDataset } from './get-dataset.ts';
import { getDatasets } from './get-datasets.ts';
import { getDeliveries } from './get-deliveries.ts';
import { getErrors } from './get-errors.ts';
import { getJob } from './get-job.ts';
import { getJobEvents } from './get-job-events.ts';
import { getJobMetrics } from './get-job-metrics.ts';
import { getJobReport } from './get-job-report.ts';
import { getJobs } from './get-jobs.ts';
import { getKey } from './get-key.ts';
import { getKeys } from './get-keys.ts';
import { getModel } from './get-model.ts';
import { getModelContent } from './get-model-content.ts';
import { getModels } from './get-models.ts';
import { getOpenapi } from './get-openapi.ts';
import { getWebhookSecret } from './get-webhook-secret.ts';
import { headUpload } from './head-upload.ts';
import { healthz } from './healthz.ts';
import { metrics } from './metrics.ts';
import { optionsUploads } from './options-uploads.ts';
import { patchUpload } from './patch-upload.ts';
import { pauseJob } from './pause-job.ts';
import { postDataset } from './post-dataset.ts';
import { postJob } from './post-job.ts';
import { postKey } from './post-key.ts';
import { postModel } from './post-model.ts';
import { postPrediction } from './post-prediction.ts';
import { postPrunability } from './post-prunability.ts';
import { postUpload } from './post-upload.ts';
import { postWebhookSecret } from './post-webhook-secret.ts';
import { readyz } from './readyz.ts';
import { redeliver } from './redeliver.ts';
import { resumeJob } from './resume-job.ts';

export const ROUTES: readonly RouteDefinition[] = [
  postModel,
  getModels,
  getModel,
  getModelContent,
  deleteModel,
  postPrunability,
  postPrediction,
  optionsUploads,
  postUpload,
  headUpload,
  patchUpload,
  deleteUpload,
  postDataset,
  getDatasets,
  getDataset,
  deleteDataset,
  postJob,
  getJobs,
  getJob,
  getJobMetrics,
  getJobEvents,
  getJobReport,
  pauseJob,
  resumeJob,
  cancelJob,
  deleteJob,
  getDeliveries,
  redeliver,
  getWebhookSecret,
  postWebhookSecret,
  getArtifact,
  getArtifactContent,
  postKey,
  getKeys,
  getKey,
  deleteKey,
  getAudit,
  getCapabilities,
  healthz,
  readyz,
  metrics,
  getOpenapi,
  getErrors,
];
