import type { Database } from '../database.ts';
import type { Ledger, NamedBlob } from '../ledger.ts';
import { datasetRow } from '../rows.ts';

/** Which bytes the ledger still stands for. */
export function blobQueries({ db }: Database): Pick<Ledger, 'unnamedBlobs' | 'listNamedBlobs'> {
  return {
    async listNamedBlobs(kind, { limit, after = '' }) {
      const page = (rows: { at: string; blobs: NamedBlob[] }[]) => ({
        rows: rows.flatMap(({ blobs }) => blobs),
        next: rows.length < limit ? null : rows.at(-1)!.at,
      });
      switch (kind) {
        case 'models':
        case 'artifacts': {
          const rows = await db
            .selectFrom(kind as 'models')
            .select(['id', 'blob_key', 'sha256', 'size_bytes'])
            .where('purged_at', 'is', null)
            .where('id', '>', after)
            .orderBy('id')
            .limit(limit)
            .execute();
          return page(rows.map(({ id, ...blob }) => ({ at: id, blobs: [{ ...blob, named_by: `${kind}/${id}` }] })));
        }
        case 'datasets': {
          const rows = await db
            .selectFrom('datasets')
            .selectAll()
            .where('purged_at', 'is', null)
            .where('id', '>', after)
            .orderBy('id')
            .limit(limit)
            .execute();
          return page(
            rows.map(datasetRow).map(({ id, blob_keys, blob_sha256 }) => ({
              at: id,
              blobs: (['x', 'y', 'w', 'order'] as const).flatMap((part) => {
                const blob_key = blob_keys[part];
                if (blob_key === null) return [];
                return [{ blob_key, named_by: `datasets/${id}`, sha256: blob_sha256?.[part] ?? null, size_bytes: null }];
              }),
            })),
          );
        }
        case 'upload_pieces': {
          const rows = await db
            .selectFrom('upload_pieces')
            .selectAll()
            .where('blob_key', '>', after)
            .orderBy('blob_key')
            .limit(limit)
            .execute();
          return page(
            rows.map(({ upload_id, blob_key, sha256, size_bytes }) => ({
              at: blob_key,
              blobs: [{ blob_key, sha256, size_bytes, named_by: `uploads/${upload_id}` }],
            })),
          );
        }
        case 'checkpoints':
        case 'segments': {
          // Their keys are their own: no two rows share one.
          const rows = await db
            .selectFrom(kind as 'segments')
            .select(['job_id', 'blob_key', 'sha256', 'size_bytes'])
            .where('blob_key', '>', after)
            .orderBy('blob_key')
            .limit(limit)
            .execute();
          return page(rows.map(({ job_id, ...blob }) => ({ at: blob.blob_key, blobs: [{ ...blob, named_by: `jobs/${job_id}` }] })));
        }
      }
    },

    async unnamedBlobs(keys) {
      if (keys.length === 0) return [];
      const wanted = [...keys];
      const named = await db
        .selectFrom('models')
        .select('blob_key as key')
        .where('blob_key', 'in', wanted)
        .where('purged_at', 'is', null)
        .unionAll(db.selectFrom('artifacts').select('blob_key as key').where('blob_key', 'in', wanted).where('purged_at', 'is', null))
        .unionAll(db.selectFrom('segments').select('blob_key as key').where('blob_key', 'in', wanted))
        .unionAll(db.selectFrom('datasets').select('blob_key_x as key').where('blob_key_x', 'in', wanted).where('purged_at', 'is', null))
        .unionAll(
          db
            .selectFrom('datasets')
            .select('blob_key_y as key')
            .where('blob_key_y', 'in', wanted)
            .where('purged_at', 'is', null)
            .$narrowType<{ key: string }>(),
        )
        .unionAll(
          db
            .selectFrom('datasets')
            .select('blob_key_w as key')
            .where('blob_key_w', 'in', wanted)
            .where('purged_at', 'is', null)
            .$narrowType<{ key: string }>(),
        )
        .unionAll(
          db.selectFrom('datasets').select('blob_key_order as key').where('blob_key_order', 'in', wanted).where('purged_at', 'is', null),
        )
        .unionAll(db.selectFrom('checkpoints').select('blob_key as key').where('blob_key', 'in', wanted))
        .unionAll(db.selectFrom('upload_pieces').select('blob_key as key').where('blob_key', 'in', wanted))
        .execute();
      const living = new Set(named.map(({ key }) => key));
      return wanted.filter((key) => !living.has(key));
    },
  };
}
