import { createReadStream } from 'node:fs';
import { newId } from '../../src/jobs/ids.ts';
import type { DatasetRow, JobRow, ModelRow } from '../../src/ledger/ledger.ts';
import { claimOf, datasetSample, endingOf, jobSample, modelSample } from '../ledger/samples.ts';
import type { TestServer } from './harness.ts';

/** What stands under every inserted model; its facts are the sample's. */
const MODEL_FILE = new URL('../../examples/mnist/lenet_300_100.keras', import.meta.url);

/** A model and a data set of a tenant, put straight into the ledger: for tests of what comes after the upload. */
export async function insertInputs(server: TestServer, tenant = 'default'): Promise<{ model: ModelRow; dataset: DatasetRow }> {
  const model = modelSample({ id: newId('mdl'), tenant });
  const dataset = datasetSample({ id: newId('dst'), tenant });
  await server.blobs.put(model.blob_key, createReadStream(MODEL_FILE));
  await server.ledger.insertModel(model);
  await server.ledger.insertDataset(dataset);
  return { model, dataset };
}

/** A queued job of the tenant. */
export async function insertJob(
  server: TestServer,
  inputs: { model: ModelRow; dataset: DatasetRow },
  more: Partial<JobRow> = {},
): Promise<JobRow> {
  const row = jobSample(inputs.model, inputs.dataset, { id: newId('job'), tenant: inputs.model.tenant, ...more });
  await server.ledger.insertJob(row);
  return row;
}

/** The same, with its first attempt under way. */
export async function insertRunningJob(server: TestServer, inputs: { model: ModelRow; dataset: DatasetRow }): Promise<JobRow> {
  const row = await insertJob(server, inputs);
  await server.ledger.claimJob(claimOf(row.id, 1));
  return row;
}

/** The same, ended. */
export async function insertEndedJob(
  server: TestServer,
  inputs: { model: ModelRow; dataset: DatasetRow },
  ending: Partial<Parameters<typeof endingOf>[2]> = {},
): Promise<JobRow> {
  const row = await insertRunningJob(server, inputs);
  await server.ledger.endJob(endingOf(row.id, 1, ending));
  return row;
}
