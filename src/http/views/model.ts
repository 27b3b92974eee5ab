import Type, { type Static } from 'typebox';
import { idPattern } from '../../jobs/ids.ts';
import { instant, instantOrNull } from '../../jobs/view.ts';
import type { ModelRow } from '../../ledger/ledger.ts';
import { ModelFacts } from '../../model/facts.ts';
import { nullable, strictObject } from '../../schema.ts';
import { pageOf } from '../schemas.ts';

const { name: _, layers, prunability, ...facts } = ModelFacts.properties;

const summary = {
  id: Type.String({ pattern: idPattern('mdl') }),
  object: Type.Literal('model'),
  name: Type.String(),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the file.' }),
  size_bytes: Type.Integer({ minimum: 0 }),
  ...facts,
  parent_model_id: nullable(Type.String({ description: 'The model it was made from; null for one that was uploaded.' })),
  job_id: nullable(Type.String({ description: 'The job that made it; null for one that was uploaded.' })),
  created_at: Type.String({ format: 'date-time' }),
  expires_at: nullable(Type.String({ format: 'date-time' })),
  links: strictObject({ self: Type.String(), content: Type.String() }),
};

/** A model in a list: without its layers. */
export const ModelSummary = strictObject(summary, { title: 'ModelSummary' });
export type ModelSummary = Static<typeof ModelSummary>;

/** A model with its layer table, and what of it can be pruned. */
export const ModelView = strictObject({ ...summary, layers, prunability }, { title: 'Model' });
export type ModelView = Static<typeof ModelView>;

export const ModelPage = pageOf(ModelSummary, 'ModelPage');

export function modelSummary(row: ModelRow): ModelSummary {
  const { name: _name, layers: _layers, prunability: _prunability, ...known } = row.facts;
  const self = `/v1/models/${row.id}`;
  return {
    id: row.id,
    object: 'model',
    name: row.name,
    sha256: row.sha256,
    size_bytes: row.size_bytes,
    ...known,
    parent_model_id: row.parent_model_id,
    job_id: row.job_id,
    created_at: instant(row.created_at),
    expires_at: instantOrNull(row.expires_at),
    links: { self, content: `${self}/content` },
  };
}

export function modelView(row: ModelRow): ModelView {
  return { ...modelSummary(row), layers: row.facts.layers, prunability: row.facts.prunability };
}
