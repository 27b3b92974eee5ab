import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { artifactRow } from '../rows.ts';

/** Files that jobs made. They are inserted by `endJob` and marked by `deleteJob`, nowhere else. */
export function artifactQueries({ db }: Database): Pick<Ledger, 'findArtifact' | 'listArtifacts'> {
  return {
    async findArtifact(tenant, id) {
      const stored = await db.selectFrom('artifacts').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
      return stored ? artifactRow(stored) : null;
    },

    async listArtifacts(jobId) {
      const rows = await db.selectFrom('artifacts').selectAll().where('job_id', '=', jobId).orderBy('id').execute();
      return rows.map(artifactRow);
    },
  };
}
