import type { Database, Executor } from '../database.ts';
import type { ArtifactRow, ModelRow } from '../ledger.ts';
import { expiryOf } from '../retention.ts';
import { storedArtifact, storedModel } from '../rows.ts';

/** Makes visible what a job leaves, in the transaction that ends it. Artifacts expire with the job, at `expires_at`; models as any others. */
export async function insertOutputs(
  executor: Executor,
  { models, artifacts }: { models: readonly ModelRow[]; artifacts: readonly ArtifactRow[] },
  { retention, expires_at }: Pick<Database, 'retention'> & { expires_at: number | null },
): Promise<void> {
  const keptModels = models.map((row) => ({ ...row, expires_at: expiryOf(row.created_at, retention.models) }));
  if (models.length > 0) await executor.insertInto('models').values(keptModels.map(storedModel)).execute();
  const keptArtifacts = artifacts.map((row) => ({ ...row, expires_at }));
  if (artifacts.length > 0) await executor.insertInto('artifacts').values(keptArtifacts.map(storedArtifact)).execute();
}
