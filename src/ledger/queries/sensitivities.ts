import type { Sensitivities } from '../../jobs/spec/index.ts';
import type { Database } from '../database.ts';
import type { Ledger } from '../ledger.ts';
import { DOCUMENT_VERSION } from '../tables.ts';

/** What the groups of models bear. */
export function sensitivityQueries({ db, now }: Database): Pick<Ledger, 'findSensitivities' | 'keepSensitivities'> {
  return {
    async findSensitivities(modelId, key) {
      const stored = await db
        .selectFrom('sensitivities')
        .select('measured')
        .where('model_id', '=', modelId)
        .where('key', '=', key)
        .where('schema_version', '=', DOCUMENT_VERSION)
        .executeTakeFirst();
      return stored ? (JSON.parse(stored.measured) as Sensitivities) : null;
    },

    async keepSensitivities(modelId, key, measured) {
      await db
        .insertInto('sensitivities')
        .values({ model_id: modelId, key, measured: JSON.stringify(measured), schema_version: DOCUMENT_VERSION, created_at: now() })
        .onConflict((conflict) =>
          conflict
            .columns(['model_id', 'key'])
            .doUpdateSet(({ ref }) => ({ measured: ref('excluded.measured'), schema_version: ref('excluded.schema_version') })),
        )
        .execute();
    },
  };
}
