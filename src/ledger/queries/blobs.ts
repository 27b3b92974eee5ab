import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';

/** Which bytes the ledger still stands for. */
export function blobQueries({ db }: Database): Pick<Ledger, 'unnamedBlobs'> {
  return {
    async unnamedBlobs(keys) {
      if (keys.length === 0) return [];
      const wanted = [...keys];
      const named = await db
        .selectFrom('models')
        .select('blob_key as key')
        .where('blob_key', 'in', wanted)
        .where('deleted_at', 'is', null)
        .unionAll(db.selectFrom('artifacts').select('blob_key as key').where('blob_key', 'in', wanted).where('deleted_at', 'is', null))
        .unionAll(
          db
            .selectFrom('segments')
            .innerJoin('jobs', 'jobs.id', 'segments.job_id')
            .select('segments.blob_key as key')
            .where('segments.blob_key', 'in', wanted)
            .where('jobs.deleted_at', 'is', null),
        )
        .unionAll(db.selectFrom('datasets').select('blob_key_x as key').where('blob_key_x', 'in', wanted).where('deleted_at', 'is', null))
        .unionAll(
          db
            .selectFrom('datasets')
            .select('blob_key_y as key')
            .where('blob_key_y', 'in', wanted)
            .where('deleted_at', 'is', null)
            .$narrowType<{ key: string }>(),
        )
        .unionAll(
          db
            .selectFrom('datasets')
            .select('blob_key_w as key')
            .where('blob_key_w', 'in', wanted)
            .where('deleted_at', 'is', null)
            .$narrowType<{ key: string }>(),
        )
        .unionAll(
          db.selectFrom('datasets').select('blob_key_order as key').where('blob_key_order', 'in', wanted).where('deleted_at', 'is', null),
        )
        .unionAll(db.selectFrom('checkpoints').select('blob_key as key').where('blob_key', 'in', wanted))
        .execute();
      const living = new Set(named.map(({ key }) => key));
      return wanted.filter((key) => !living.has(key));
    },
  };
}
