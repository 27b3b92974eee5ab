import Type, { type Static } from 'typebox';
import { idPattern } from '../../jobs/ids.ts';
import { instant, instantOrNull } from '../../jobs/view.ts';
import type { KeyRow } from '../../ledger/ledger.ts';
import { ROLES } from '../../roles.ts';
import { choice, nullable, strictObject } from '../../schema.ts';
import { pageOf } from '../schemas.ts';

const Instant = Type.String({ format: 'date-time' });

const FIELDS = {
  id: Type.String({ pattern: idPattern('key') }),
  object: Type.Literal('key'),
  tenant: Type.String(),
  role: choice([...ROLES], { description: '`read` looks, `write` also makes and deletes, `admin` also manages keys.' }),
  name: Type.String(),
  created_at: Instant,
  created_by: Type.String({ description: 'The id of the key that made it, or `cli`, `local`.' }),
  last_used_at: Type.Union([Instant, Type.Null()], { description: 'Within an hour.' }),
  expires_at: nullable(Instant),
  revoked_at: nullable(Instant),
  links: strictObject({ self: Type.String() }),
};

/** A key: what it opens, and nothing that helps to guess its secret. */
export const KeyView = strictObject(FIELDS, { title: 'Key' });
export type KeyView = Static<typeof KeyView>;

/** A key that was just made. */
export const NewKeyView = strictObject(
  { ...FIELDS, secret: Type.String({ description: 'What `Authorization: Bearer` carries. Shown this once and kept by nobody.' }) },
  { title: 'NewKey' },
);

export const KeyPage = pageOf(KeyView, 'KeyPage');

export function keyView(row: KeyRow): KeyView {
  return {
    id: row.id,
    object: 'key',
    tenant: row.tenant,
    role: row.role,
    name: row.name,
    created_at: instant(row.created_at),
    created_by: row.created_by,
    last_used_at: instantOrNull(row.last_used_at),
    expires_at: instantOrNull(row.expires_at),
    revoked_at: instantOrNull(row.revoked_at),
    links: { self: `/v1/keys/${row.id}` },
  };
}
