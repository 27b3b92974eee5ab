import Type, { type Static } from 'typebox';
import { idPattern } from '../../jobs/ids.ts';
import { instant } from '../../jobs/view.ts';
import { AUDIT_ACTIONS, type AuditRow } from '../../ledger/ledger.ts';
import { choice, strictObject } from '../../schema.ts';
import { pageOf } from '../schemas.ts';

/** One line of the audit trail: who changed what, when, by which request. */
export const ChangeView = strictObject(
  {
    id: Type.String({ pattern: idPattern('aud') }),
    object: Type.Literal('change'),
    action: choice([...AUDIT_ACTIONS]),
    resource_id: Type.String(),
    key_id: Type.String({
      description: 'Who: a key of the ledger, `file:` and the id of one of the keys file, `local` for a server without keys, `cli`.',
    }),
    request_id: Type.Union([Type.String(), Type.Null()], {
      description: 'As the answer to the request said it; null for the command line.',
    }),
    created_at: Type.String({ format: 'date-time' }),
  },
  { title: 'Change' },
);
export type ChangeView = Static<typeof ChangeView>;

export const ChangePage = pageOf(ChangeView, 'ChangePage');

export function changeView(row: AuditRow): ChangeView {
  return {
    id: row.id,
    object: 'change',
    action: row.action,
    resource_id: row.resource_id,
    key_id: row.key_id,
    request_id: row.request_id,
    created_at: instant(row.created_at),
  };
}
