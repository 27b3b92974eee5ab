import Type from 'typebox';
import { Problem, received } from '../../errors.ts';
import { newId } from '../../jobs/ids.ts';
import type { KeyRow } from '../../ledger/ledger.ts';
import { ROLES } from '../../roles.ts';
import { choice, nullable, strictObject } from '../../schema.ts';
import { EXAMPLE_SECRET, KEY_ROW } from '../examples.ts';
import { underKey } from '../hold-key.ts';
import { IDEMPOTENCY_HEADER, idempotencyKey } from '../idempotency-key.ts';
import { hashOf, newSecret } from '../keys.ts';
import { KEYS_PER_TENANT } from '../limits.ts';
import { KEY_LINKS } from '../links.ts';
import { route } from '../route.ts';
import { Text } from '../schemas.ts';
import { keyView, NewKeyView } from '../views/key.ts';

const KeyRequest = strictObject(
  {
    name: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$', description: 'What it is for.' }),
    role: choice([...ROLES], { description: '`read` looks, `write` also makes and deletes, `admin` also manages keys.' }),
    expires_at: Type.Optional(
      nullable(Type.String({ format: 'date-time', description: 'From then on it opens nothing. Never, where it is left out.' })),
    ),
  },
  { title: 'KeyRequest' },
);

export const postKey = route({
  method: 'POST',
  path: '/v1/keys',
  operationId: 'createKey',
  summary: 'Make an API key',
  description:
    'For the tenant of the key that asks. `secret` is in this answer and nowhere else: a lost one is revoked and another made. On a server without keys this makes the first, of the tenant `default`, which must be one of role `admin`: from then on every request needs a key, also when all are revoked.',
  tag: 'Keys',
  access: 'admin',
  headers: {
    'Idempotency-Key': {
      ...IDEMPOTENCY_HEADER['Idempotency-Key']!,
      description:
        'Makes it safe to send the request again: for 24 hours no second key is made. The secret is not kept, so that a second answer is a CONFLICT that names the key: revoke it and make another.',
    },
  },
  body: {
    schema: KeyRequest,
    examples: {
      writer: { summary: 'A key that uploads and posts jobs', value: { name: 'nightly training', role: 'write' } },
      reader: { summary: 'One that looks, for a while', value: { name: 'dashboard', role: 'read', expires_at: '2099-01-01T00:00:00Z' } },
    },
  },
  answers: {
    201: {
      links: KEY_LINKS,
      description: 'The key, with its secret.',
      content: { 'application/json': { schema: NewKeyView, example: { ...keyView(KEY_ROW), secret: EXAMPLE_SECRET } } },
      headers: { Location: { description: 'Where the key is, without the secret.', schema: Text } },
    },
  },
  problems: ['KEY_LIMIT_REACHED', 'IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_IN_PROGRESS', 'CONFLICT'],

  async handle({ principal, body, services: { ledger, keyring }, request, reply }) {
    const created_at = Date.now();
    const expires_at = body.expires_at ? Date.parse(body.expires_at) : null;
    if (expires_at !== null && !(expires_at > created_at)) {
      refuse('/expires_at', 'A key expires in the future', body.expires_at);
    }
    if (!keyring.needsKeys() && body.role !== 'admin') {
      refuse('/role', 'The first key of a server is of role admin: from then on every request needs a key', body.role);
    }
    const secret = newSecret();
    const row: KeyRow = {
      id: newId('key'),
      hash: hashOf(secret),
      tenant: principal.tenant,
      role: body.role,
      name: body.name,
      created_at,
      created_by: principal.keyId,
      last_used_at: null,
      expires_at,
      revoked_at: null,
    };
    await underKey(ledger, principal.tenant, idempotencyKey(request.headers), async (held) => {
      const settled = await held.settle({ create: 'key', ...body });
      if ('replayed' in settled) {
        const detail = `The first request with this idempotency key made ${settled.replayed.id}, whose secret was in its answer alone: revoke it and make another`;
        throw new Problem('CONFLICT', detail);
      }
      if (await ledger.insertKey(row, KEYS_PER_TENANT, settled.claim)) return;
      throw new Problem(
        'KEY_LIMIT_REACHED',
        `A tenant has up to ${KEYS_PER_TENANT} keys that are neither revoked nor expired: revoke some`,
      );
    });
    keyring.made();
    request.log.info({ new_key_id: row.id, role: row.role }, 'Key was made');
    return reply
      .code(201)
      .header('location', `/v1/keys/${row.id}`)
      .send({ ...keyView(row), secret });
  },
});

function refuse(pointer: string, detail: string, value: unknown): never {
  throw new Problem('VALIDATION_FAILED', detail, { items: [{ pointer, detail, received: received(value) }] });
}
