import Type, { type Static } from 'typebox';
import { DatasetFacts } from '../../dataset/facts.ts';
import { idPattern } from '../../jobs/ids.ts';
import { instant, instantOrNull } from '../../jobs/view.ts';
import type { DatasetRow } from '../../ledger/ledger.ts';
import { nullable, strictObject } from '../../schema.ts';
import { pageOf } from '../schemas.ts';

/** A data set: what is known of its samples, and how they are split. */
export const DatasetView = strictObject(
  {
    id: Type.String({ pattern: idPattern('dst') }),
    object: Type.Literal('dataset'),
    name: Type.String(),
    sha256: Type.Record(Type.String(), Type.String({ pattern: '^[0-9a-f]{64}$' }), { description: 'Of the uploaded files, by part.' }),
    size_bytes: Type.Integer({ minimum: 0, description: 'As stored.' }),
    ...DatasetFacts.properties,
    created_at: Type.String({ format: 'date-time' }),
    expires_at: nullable(Type.String({ format: 'date-time' })),
    links: strictObject({ self: Type.String() }),
  },
  { title: 'Dataset' },
);
export type DatasetView = Static<typeof DatasetView>;

export const DatasetPage = pageOf(DatasetView, 'DatasetPage');

export function datasetView(row: DatasetRow): DatasetView {
  return {
    id: row.id,
    object: 'dataset',
    name: row.name,
    sha256: row.sha256,
    size_bytes: row.size_bytes,
    ...row.facts,
    created_at: instant(row.created_at),
    expires_at: instantOrNull(row.expires_at),
    links: { self: `/v1/datasets/${row.id}` },
  };
}
