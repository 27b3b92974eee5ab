/** `espalier keys …`: keys of the ledger, for whoever can open it. It is how the first tenant gets its first key. */
import { parseArgs } from 'node:util';
import { newId } from '../jobs/ids.ts';
import type { KeyRow, Ledger } from '../ledger/ledger.ts';
import { hashOf, newSecret, tenantAndRole } from './keys.ts';
import { KEYS_USAGE } from './keys-usage.ts';
import { KEYS_PER_TENANT } from './limits.ts';

/** Who made a key that nobody's request made. */
const CLI = { key_id: 'cli', request_id: null };

/**
 * Runs one of the subcommands and returns what it prints. `hasFile`: there is a file of keys besides. Throws an Error that says what was wrong with the
 * arguments.
 */
export async function keysCommand(
  values: string[],
  ledger: Ledger,
  { hasFile = false, now = Date.now }: { hasFile?: boolean; now?: () => number } = {},
): Promise<string> {
  const [verb, ...rest] = values;
  switch (verb) {
    case 'create':
      return create(rest, ledger, { hasFile, now });
    case 'list':
      return list(rest, ledger);
    case 'revoke':
      return revoke(rest, ledger);
    default:
      throw new Error(`${verb === undefined ? 'a subcommand is needed' : `there is no 'keys ${verb}'`}: espalier keys ${KEYS_USAGE}`);
  }
}

async function create(values: string[], ledger: Ledger, { hasFile, now }: { hasFile: boolean; now: () => number }): Promise<string> {
  const { values: options, positionals } = parseArgs({
    args: values,
    options: { name: { type: 'string', default: '' }, expires: { type: 'string' } },
    allowPositionals: true,
  });
  const [tenant, role, ...more] = positionals;
  if (tenant === undefined || role === undefined || more.length > 0)
    throw new Error(`a tenant and a role are needed: espalier keys ${KEYS_USAGE}`);
  const expires_at = options.expires === undefined ? null : Date.parse(options.expires);
  if (expires_at !== null && !(expires_at > now())) {
    throw new Error(`--expires takes a time in the future, such as 2027-01-31T00:00:00Z. Received: ${options.expires}`);
  }
  const named = tenantAndRole(tenant, role);
  if (named.role !== 'admin' && !hasFile && !(await ledger.hasKeys(false))) {
    throw new Error(`the first key of a server is of role admin: from then on every request needs a key. Received: ${role}`);
  }
  const secret = newSecret();
  const row: KeyRow = {
    id: newId('key'),
    hash: hashOf(secret),
    ...named,
    name: options.name,
    created_at: now(),
    created_by: CLI.key_id,
    last_used_at: null,
    expires_at,
    revoked_at: null,
  };
  if (!(await ledger.by(CLI).insertKey(row, KEYS_PER_TENANT))) {
    throw new Error(`the tenant ${tenant} has ${KEYS_PER_TENANT} keys that are neither revoked nor expired: revoke some`);
  }
  return `# ${row.id}, shown this once: send it as "Authorization: Bearer <key>"\n${secret}\n`;
}

async function list(values: string[], ledger: Ledger): Promise<string> {
  const { positionals } = parseArgs({ args: values, allowPositionals: true });
  const [tenant = null, ...more] = positionals;
  if (more.length > 0) throw new Error(`one tenant or none: espalier keys ${KEYS_USAGE}`);
  const lines = [['id', 'tenant', 'role', 'made', 'last used', 'state', 'name'].join('\t')];
  for (let after: string | undefined; ; ) {
    const page = await ledger.listKeys(tenant, { limit: 200, after });
    lines.push(...page.rows.map(line));
    after = page.rows.at(-1)?.id;
    if (!page.has_more) return `${lines.join('\n')}\n`;
  }
}

function line(row: KeyRow): string {
  const time = (at: number | null) => (at === null ? '-' : new Date(at).toISOString());
  const state =
    row.revoked_at !== null ? `revoked ${time(row.revoked_at)}` : row.expires_at !== null ? `expires ${time(row.expires_at)}` : 'lives';
  return [row.id, row.tenant, row.role, time(row.created_at), time(row.last_used_at), state, row.name].join('\t');
}

async function revoke(values: string[], ledger: Ledger): Promise<string> {
  const { positionals } = parseArgs({ args: values, allowPositionals: true });
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw new Error(`the id of a key is needed: espalier keys ${KEYS_USAGE}`);
  const row = await ledger.by(CLI).revokeKey(null, id);
  if (!row) throw new Error(`there is no key ${id} in the ledger; a key of the keys file goes with its line`);
  return `${row.id} of ${row.tenant} is revoked; every server knows within 30 seconds\n`;
}
