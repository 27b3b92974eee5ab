import { Kysely, sql } from 'kysely';
import type { PostgresPlace } from '../ledger/place.ts';
import { postgresDialect } from '../ledger/postgres.ts';

/** What the tests run on is 15; older ones than this are no longer kept by PostgreSQL itself. */
const OLDEST = 13;

/** What there is to say of the Postgres of a ledger. Throws an Error that says what to do. */
export async function postgresFinding(place: PostgresPlace): Promise<string> {
  const db = new Kysely<unknown>({ dialect: postgresDialect({ ...place, poolSize: 1 }) });
  try {
    const { rows } = await sql<Facts>`
      select current_setting('server_version') as version, current_setting('server_version_num') as number, current_setting('synchronous_commit') as commit,
             current_setting('max_connections') as connections, pg_is_in_recovery() as standby, has_schema_privilege(current_schema(), 'create') as create,
             coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as tls, current_database() as database`.execute(
      db,
    );
    const [facts] = rows;
    if (!facts) throw new Error('Postgres answers nothing');
    if (Number(facts.number) < OLDEST * 10_000) throw new Error(`${facts.version}; PostgreSQL ${OLDEST} or newer is needed`);
    if (facts.standby) throw new Error('the server is a standby, which cannot be written to');
    if (facts.create !== true) throw new Error(`the user may not create tables in ${facts.database}: grant create on its schema`);
    if (facts.commit === 'off') throw new Error('synchronous_commit is off: a job that was accepted could be lost');
    return `PostgreSQL ${facts.version.split(' ')[0]}, database ${facts.database}, ${facts.tls ? 'TLS' : 'no TLS'}, ${facts.connections} connections at the most, ${place.poolSize} for each process`;
  } finally {
    await db.destroy();
  }
}

interface Facts {
  version: string;
  number: string;
  commit: string;
  connections: string;
  standby: boolean;
  create: boolean | null;
  tls: boolean;
  database: string;
}
